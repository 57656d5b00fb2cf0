"""Images that are given by an id, and purchase plans."""

from typing import Annotated

from pydantic import BeforeValidator

from vmops.spec.parts.machine import Machine
from vmops.spec.rules import images


class Source(Machine):
    """An image by its id (of a gallery, a community gallery, or a managed image), and the plan of a paid image.

    ``plan`` is written publisher:product:name.
    """

    image_id: Annotated[str | None, BeforeValidator(images.image_id)] = None
    plan: Annotated[str | None, BeforeValidator(images.plan)] = None
