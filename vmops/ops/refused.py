"""The JSON form of remembered refusals of places."""

from typing import Any

from vmops.core import times
from vmops.placement.search import Objection, Standing


def as_json(objection: Objection) -> dict[str, Any]:
    """Give a refusal as plain JSON; None matches any value. ``zone`` may also be regional, or zonal."""
    block = objection.block
    return {
        "vmSize": block.size or None,
        "family": block.family or None,
        "cores": block.cores or None,
        "location": block.location,
        "zone": block.zone or None,
        "priority": block.priority or None,
        "verdict": str(Standing.BLOCKED if block.hard else Standing.LAST),
        "code": objection.code,
        "reason": objection.reason,
        "until": times.utc_or_none(objection.until),
    }
