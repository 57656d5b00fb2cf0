"""Which deployments the parameters of a call may mean."""

from collections.abc import Mapping
from typing import Any

from vmops.jobs.operation import Operation


def means(params: Mapping[str, Any], operation: Operation) -> bool:
    """Tell whether a deployment is of a VM that the parameters may mean; what they leave open may be anything."""
    which = operation.identity.params
    wanted = {name: str(params[name]) for name in which if params.get(name) is not None}
    return all(which[name].lower() == value.lower() for name, value in wanted.items())
