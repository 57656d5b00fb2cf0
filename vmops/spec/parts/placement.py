"""Near what a VM is, and where its console is kept."""

from typing import Annotated

from pydantic import BeforeValidator

from vmops.spec.parts.machine import Machine
from vmops.spec.rules import placement


class Placement(Machine):
    """A proximity placement group by its id; ``boot_diagnostics`` is true, false, or the URL of a storage account."""

    proximity_placement_group: Annotated[str | None, BeforeValidator(placement.proximity)] = None
    boot_diagnostics: Annotated[str | None, BeforeValidator(placement.boot_diagnostics)] = None
