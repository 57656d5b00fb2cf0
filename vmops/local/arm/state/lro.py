"""Long-running operations: their durations, and the answers to clients during and after them.

Compute and Network answer in different forms; the deletion of a group in a third.
Source: ARM RPC, async-api-reference, and recorded traffic of azure-mgmt-compute 12 and 29, -network 17, -resource 10.
"""

import base64
import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from vmops.local.arm.state.clock import timestamp
from vmops.local.arm.state.resource_id import DEPLOYMENT_TYPE, GROUP_TYPE, ResourceId

RUNNING = "InProgress"
_STUCK = 0.1
"""Real seconds between polls of an operation that never ends: at pace 0, clients would poll without a pause."""


@dataclass(slots=True)
class Operation:
    """One write that continues after its answer; ``error`` is its failure, known before its end if it will fail.

    Times are seconds since the epoch. ``status`` is InProgress, Succeeded or Failed.
    """

    id: str
    verb: str
    target: ResourceId
    location: str
    started: float
    due: float
    ended: float | None = None
    status: str = RUNNING
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """The duration of an operation, and ARM's pauses before the first and the later polls; all in Azure's seconds."""

    seconds: float
    first: float | None = None
    again: float = 10


# Measured in recorded traffic, or estimated: updates, disks, groups. A deployment's is the time until it begins.
_VM, _DISK = "Microsoft.Compute/virtualMachines", "Microsoft.Compute/disks"
_KEPT = [
    f"Microsoft.Compute/{kind}"
    for kind in ("images", "galleries", "galleries/images", "galleries/images/versions", "proximityPlacementGroups")
]
_TIMINGS = {
    (_VM, "put"): Timing(91, 10, 50),
    (_VM, "update"): Timing(10, 10),
    (_VM, "attachDetachDataDisks"): Timing(10, 10),
    (_VM, "start"): Timing(23, 10, 9),
    (_VM, "restart"): Timing(8),
    (_VM, "powerOff"): Timing(6.5),
    (_VM, "deallocate"): Timing(32, 10, 36),
    (_VM, "redeploy"): Timing(105),
    (_VM, "reapply"): Timing(1.5),
    (_VM, "evict"): Timing(30),
    (_VM, "delete"): Timing(51, 10, 30),
    (_VM, "deleteDeallocated"): Timing(0.5, 10, 30),
    (_DISK, "put"): Timing(2, 2),
    (_DISK, "delete"): Timing(2, 2),
    **{(kind, verb): Timing(2) for kind in _KEPT for verb in ("put", "delete")},
    ("Microsoft.Network/virtualNetworks", "put"): Timing(10, 3),
    ("Microsoft.Network/virtualNetworks/subnets", "put"): Timing(4, 3),
    ("Microsoft.Network/networkSecurityGroups", "put"): Timing(4),
    ("Microsoft.Network/networkSecurityGroups/securityRules", "put"): Timing(4),
    ("Microsoft.Network/networkInterfaces", "put"): Timing(1),
    ("Microsoft.Network/publicIPAddresses", "put"): Timing(1),
    ("Microsoft.Network/virtualNetworks", "delete"): Timing(8),
    ("Microsoft.Network/virtualNetworks/subnets", "delete"): Timing(4),
    ("Microsoft.Network/networkSecurityGroups", "delete"): Timing(8),
    ("Microsoft.Network/networkSecurityGroups/securityRules", "delete"): Timing(4),
    ("Microsoft.Network/networkInterfaces", "delete"): Timing(8),
    ("Microsoft.Network/publicIPAddresses", "delete"): Timing(8),
    (DEPLOYMENT_TYPE, "deploy"): Timing(1.3),
    (DEPLOYMENT_TYPE, "delete"): Timing(15, 15, 15),
    (GROUP_TYPE, "delete"): Timing(20, 15, 15),
    (GROUP_TYPE, "deleteMachines"): Timing(80, 15, 15),
}


def timing(kind: str, verb: str) -> Timing:
    """Return the duration of a verb on a resource type.

    Source: recorded traffic of azure-mgmt-compute 12 and 29 and -network 17; updates, disks and groups are estimates.
    """
    return _TIMINGS[kind, verb]


def new_id(target: ResourceId, location: str) -> str:
    """Generate the id of a new operation; that of a group's deletion contains the group's name.

    Source: recorded traffic, azure-mgmt-resource 10.
    """
    if target.type != GROUP_TYPE:
        return str(uuid.uuid4())
    name = "".join(c if c.isalnum() else f":{ord(c):02X}" for c in target.group.upper())
    job = {"jobId": f"RESOURCEGROUPDELETIONJOB-{name}-{location.upper()}", "jobLocation": location}
    return base64.urlsafe_b64encode(json.dumps(job, separators=(",", ":")).encode()).decode().rstrip("=")


def retry_after(seconds: float) -> dict[str, str]:
    """Give the headers of a pause; below a second in milliseconds, since clients take ``Retry-After: 0`` for absent.

    Source: azure-core, which reads ``x-ms-retry-after-ms`` when there is no ``Retry-After``.
    """
    if seconds >= 1:
        return {"Retry-After": str(math.ceil(seconds))}
    return {"x-ms-retry-after-ms": str(max(1, math.ceil(round(seconds * 1000, 1))))}


def pause(operation: Operation, now: float, pace: float, *, first: bool) -> dict[str, str]:
    """Give the pause until the next poll: never past the operation's end, and shorter at a faster pace of the cloud.

    At pace 1 it is left out where Azure leaves it out; otherwise azure-core would wait its own 30 s.
    """
    hints = timing(operation.target.type, operation.verb)
    hint = hints.first if first else hints.again
    if hint is None and pace >= 1:
        return {}
    return retry_after_hint(operation, now, (hint or 10) * pace)


def retry_after_hint(operation: Operation, now: float, longest: float) -> dict[str, str]:
    """Give the headers of a pause until an operation is due, or of ``longest`` seconds if that is shorter."""
    if operation.due == math.inf:
        return retry_after(max(longest, _STUCK))
    return retry_after(min(longest, operation.due - now))


def status_path(operation: Operation) -> str:
    """Return the path of the status of a provider's operation."""
    target = operation.target
    base = f"/subscriptions/{target.subscription}/providers/{target.provider}/locations/{operation.location}"
    return f"{base}/operations/{operation.id}"


def links(operation: Operation, base: str, api_version: str, *, result: bool) -> dict[str, str]:
    """Return the absolute URLs in an answer: of the status, and on request of the result."""
    version, target = f"api-version={api_version}", operation.target
    if target.type in (GROUP_TYPE, DEPLOYMENT_TYPE):
        return {"Location": f"{base}/subscriptions/{target.subscription}/operationresults/{operation.id}?{version}"}
    path = status_path(operation)
    if target.provider == "Microsoft.Network":
        status, final = f"{path}?{version}", f"{path.replace('/operations/', '/operationResults/')}?{version}"
    else:
        tracking = f"p={uuid.uuid5(uuid.NAMESPACE_OID, target.subscription)}"
        status, final = f"{path}?{tracking}&{version}", f"{path}?{tracking}&monitor=true&{version}"
    return {"Azure-AsyncOperation": base + status} | ({"Location": base + final} if result else {})


def id_in(headers: Mapping[str, str]) -> str:
    """Return the id of the operation in an answer's headers; empty if they name none."""
    url = headers.get("Azure-AsyncOperation") or headers.get("Location") or ""
    return urlsplit(url).path.rpartition("/")[2]


def status_body(operation: Operation) -> dict[str, Any]:
    """Describe an operation as its resource provider does; Network gives nothing but status and error."""
    body: dict[str, Any] = {"status": operation.status}
    if operation.target.provider != "Microsoft.Network":
        body = {"startTime": timestamp(operation.started)} | body | {"name": operation.id}
        if operation.ended is not None:
            body["endTime"] = timestamp(operation.ended)
    if operation.error:
        body["error"] = operation.error
    return body
