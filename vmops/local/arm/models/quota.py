"""How many cores a subscription uses, and may use."""

from vmops.local.arm.cloud import Cloud
from vmops.local.arm.errors import ArmError
from vmops.local.arm.resource import Json, Resource
from vmops.local.arm.sizes import SIZES, Size, cores_limit

_MACHINES = 25_000
"""The most machines of a subscription in one location. Source: Microsoft's page on limits."""


def size_of(machine: Resource) -> Size:
    """Return a machine's size."""
    return SIZES[machine.properties["hardwareProfile"]["vmSize"].lower()]


def require_cores(cloud: Cloud, machine: Resource, before: Size | None) -> None:
    """Refuse a machine whose cores its family has no room for; ``before`` is the size it has now, if it exists.

    Machines that are deallocated count too. Source: Microsoft's page on quotas.
    """
    size = size_of(machine)
    if before and before.family == size.family and before.cores >= size.cores:
        return
    more = size.cores - (before.cores if before and before.family == size.family else 0)
    usage = _used(cloud, machine.id.subscription, machine.location).get(size.family, 0)
    limit, least = cores_limit(size.family), usage + more
    if least > limit:
        blanks = {"family": size.family, "location": machine.location, "limit": limit, "usage": usage}
        raise ArmError("OperationNotAllowed:quota", **blanks, more=more, least=least)


def usages(cloud: Cloud, subscription: str, location: str) -> list[Json]:
    """List the use and limit of all cores, of machines, and of every family in a location.

    Source: azure-rest-api-specs, Microsoft.Compute, Usage_List; what is no family has no limit here of its own.
    """
    used = _used(cloud, subscription, location)
    machines = sum(cloud.store.machine_sizes(subscription, location).values())
    families = dict.fromkeys(size.family for size in SIZES.values())
    return [
        _usage("cores", "Total Regional vCPUs", sum(used.values()), sum(map(cores_limit, families))),
        _usage("virtualMachines", "Virtual Machines", machines, _MACHINES),
        *(_usage(family, f"{family} vCPUs", used.get(family, 0), cores_limit(family)) for family in families),
    ]


def _usage(name: str, shown: str, used: int, limit: int) -> Json:
    return {"unit": "Count", "currentValue": used, "limit": limit, "name": {"value": name, "localizedValue": shown}}


def _used(cloud: Cloud, subscription: str, location: str) -> dict[str, int]:
    """Count the cores in use in a location by family."""
    cores: dict[str, int] = {}
    for name, count in cloud.store.machine_sizes(subscription, location).items():
        size = SIZES[name.lower()]
        cores[size.family] = cores.get(size.family, 0) + size.cores * count
    return cores
