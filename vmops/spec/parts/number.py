"""The number of VMs in a fleet."""

from typing import Annotated

from pydantic import BeforeValidator

from vmops.spec.rules import fleets
from vmops.spec.target import Target


class Number(Target):
    """A fleet of ``vm_count`` VMs, of which ``min_count`` are enough; without a count, one VM with its own name."""

    vm_count: Annotated[int | None, BeforeValidator(fleets.count)] = None
    min_count: Annotated[int | None, BeforeValidator(fleets.min_count)] = None
