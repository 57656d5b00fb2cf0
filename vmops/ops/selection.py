"""Which VMs the parameters of a call select."""

from collections.abc import Mapping
from typing import Any

from vmops.spec.names import Identity


def selects(params: Mapping[str, Any], vm: Identity) -> bool:
    """Tell whether the parameters select a VM; a missing parameter matches any value."""
    which = vm.params
    wanted = {name: str(params[name]) for name in which if params.get(name) is not None}
    return all(which[name].lower() == value.lower() for name, value in wanted.items())
