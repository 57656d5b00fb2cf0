"""The calls that only machines have: verbs, views and sizes."""

from collections.abc import Iterable

from vmops.local.arm.data.locations import LOCATIONS, canonical
from vmops.local.arm.data.sizes import SIZES, Size
from vmops.local.arm.handlers.resources import listed
from vmops.local.arm.models import MACHINES
from vmops.local.arm.models.compute.instance_view import instance_view
from vmops.local.arm.models.compute.size_fit import sizes_for
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.shapes.machines import DATA_DISKS
from vmops.local.arm.shapes.requests import fitted
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json
from vmops.local.arm.wire.messages import Call, Reply, accepted
from vmops.local.arm.wire.pages import page
from vmops.local.arm.wire.versions import as_of


def act(cloud: Cloud, call: Call) -> Reply:
    """Begin the power verb that the path ends with."""
    verb = call.path.rpartition("/")[2]
    if call.query.get("hibernate", "").lower() == "true":
        MACHINES.refuse_hibernation(cloud, call.resource)
    force = call.query.get("skipshutdown", "").lower() == "true"
    operation = MACHINES.act(cloud, call.resource, verb, force=force)
    return accepted(cloud, call, 202, None, operation)


def attach_detach(cloud: Cloud, call: Call) -> Reply:
    """Begin to attach and detach data disks."""
    request = fitted(call.body, DATA_DISKS, call.resource.provider)
    return accepted(cloud, call, 202, None, MACHINES.rearrange(cloud, call.resource, request).operation)


def generalize(cloud: Cloud, call: Call) -> Reply:
    """Mark a machine as generalized, without an operation."""
    MACHINES.generalize(cloud, call.resource)
    return Reply(200)


def simulate_eviction(cloud: Cloud, call: Call) -> Reply:
    """Evict a Spot machine."""
    MACHINES.simulate_eviction(cloud, call.resource)
    return Reply(204)


def get_machine(cloud: Cloud, call: Call) -> Reply:
    """Show a machine, with its instance view or user data on request."""
    shown = MACHINES.expanded(MACHINES.get(cloud, call.resource), call.query.get("$expand", ""))
    return Reply(200, as_of(call.api_version, MACHINES.type, shown))


def get_instance_view(cloud: Cloud, call: Call) -> Reply:
    """Show the instance view of a machine by itself."""
    return Reply(200, instance_view(MACHINES.get(cloud, call.resource)))


def list_machine_sizes(cloud: Cloud, call: Call) -> Reply:
    """List the sizes to which a machine may be resized."""
    return page(call, _shown(sizes_for(MACHINES.get(cloud, call.resource))))


def list_sizes(_cloud: Cloud, call: Call) -> Reply:
    """List the sizes of a location."""
    require_location(call)
    return page(call, _shown(SIZES.values()))


def list_machines_in_location(cloud: Cloud, call: Call) -> Reply:
    """List the machines of a subscription in one location."""
    location = require_location(call)
    machines = cloud.store.of_type(MACHINES.type, call.names["subscription"])
    return listed(cloud, call, [machine for machine in machines if machine.location == location])


def require_location(call: Call) -> str:
    """Return the location in the path, which must exist."""
    location = canonical(call.names["location"])
    if location not in LOCATIONS:
        blanks = {"location": location, "type": "locations/vmSizes", "known": ",".join(LOCATIONS)}
        raise ArmError("LocationNotAvailableForResourceType", **blanks)
    return location


def _shown(sizes: Iterable[Size]) -> list[Json]:
    return [
        {
            "name": size.name,
            "numberOfCores": size.cores,
            "osDiskSizeInMB": 1047552,
            "resourceDiskSizeInMB": size.local_disk,
            "memoryInMB": size.memory,
            "maxDataDiskCount": size.disks,
        }
        for size in sizes
    ]
