"""How many VMs of a kind there are to be."""

from typing import Annotated

from pydantic import BeforeValidator

from vmops.spec.rules import fleets
from vmops.spec.target import Target


class Number(Target):
    """A fleet of ``vm_count`` VMs, of which ``min_count`` are enough; one VM of its own name without a count."""

    vm_count: Annotated[int | None, BeforeValidator(fleets.count)] = None
    min_count: Annotated[int | None, BeforeValidator(fleets.least)] = None
