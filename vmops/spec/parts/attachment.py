"""Where a VM is attached, if that is a network of somebody else's."""

from typing import Annotated

from pydantic import BeforeValidator

from vmops.spec.parts.number import Number
from vmops.spec.rules import related


class Attachment(Number):
    """The subnet that a VM is in, by its id: it is used, and never touched."""

    subnet_id: Annotated[str | None, BeforeValidator(related.subnet_id)] = None
