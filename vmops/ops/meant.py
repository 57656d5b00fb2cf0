"""Which VMs the parameters of a call may mean."""

from collections.abc import Mapping
from typing import Any

from vmops.spec.names import Identity


def means(params: Mapping[str, Any], vm: Identity) -> bool:
    """Tell whether a VM is one that the parameters may mean; what they leave open may be anything."""
    which = vm.params
    wanted = {name: str(params[name]) for name in which if params.get(name) is not None}
    return all(which[name].lower() == value.lower() for name, value in wanted.items())
