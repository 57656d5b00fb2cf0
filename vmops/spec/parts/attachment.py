"""An external subnet, to which a VM may be attached."""

from typing import Annotated

from pydantic import BeforeValidator

from vmops.spec.parts.number import Number
from vmops.spec.rules import related


class Attachment(Number):
    """The subnet of the VM, given by its id: vmops uses it and never changes it."""

    subnet_id: Annotated[str | None, BeforeValidator(related.subnet_id)] = None
