"""What the compute of VMs has cost so far, at most: Azure reports when a VM was made, but not when it was stopped."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from vmops.azure.inventory import made_at
from vmops.jobs.operation import Operation

_HOUR = 3600.0

_PAID = frozenset({"running", "starting", "stopping", "stopped"})
"""Power states in which compute is paid for. Source: Azure documentation, states and billing of VMs."""


def so_far(resource: Mapping[str, Any], power: str, per_hour: float | None, life: Sequence[Operation]) -> float | None:
    """Give what a VM has cost since it was made, in US dollars, at its present hourly price.

    None if that is unknown: without a price or a creation time, while its compute is released (since an unknown time),
    or if the records of its ``life`` show another size or priority.
    """
    made, properties = made_at(resource), resource["properties"]
    now = (properties.get("hardwareProfile", {}).get("vmSize"), properties.get("priority") or "Regular")
    same = all(each == _words(*now) for each in _earlier(str(resource["id"]), made, life))
    if per_hour is None or not made or power not in _PAID or not same:
        return None
    return round(per_hour * max(time.time() - made, 0.0) / _HOUR, 4)


def of_all(amounts: Iterable[float | None]) -> float | None:
    """Add up the costs of several VMs; None if there are none, or if one is unknown."""
    found = list(amounts)
    known = [each for each in found if each is not None]
    return round(sum(known), 4) if found and len(known) == len(found) else None


def _earlier(arm_id: str, made: float, life: Sequence[Operation]) -> Iterator[tuple[str, str]]:
    """Give the size and priority of a VM after each deployment since it was made."""
    for operation in life:
        outputs = operation.outputs
        for vm in (outputs, *outputs.get("members", ())):
            if str(vm.get("id", "")).lower() == arm_id.lower() and (operation.ended or 0.0) >= made:
                yield _words(vm.get("vmSize"), vm.get("priority"))


def _words(size: object, priority: object) -> tuple[str, str]:
    return str(size).lower(), str(priority).lower()
