"""The cores that a subscription uses, and its limits."""

from collections import Counter

from vmops.local.arm.data.sizes import REGION, SIZES, SPOT, Size, cores_limit
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource

_MACHINES = 25_000
"""The most machines of a subscription in one location. Source: Microsoft's page on limits."""

_CALLED = {REGION: "Total Regional Cores", SPOT: "LowPriorityCores"}
"""The names in refusals of quotas that are no family's. Source: nforgeio/neonKUBE#1671, scylla-cluster-tests#4994."""


def size_of(machine: Resource) -> Size:
    """Return a machine's size."""
    return SIZES[machine.properties["hardwareProfile"]["vmSize"].lower()]


def require_cores(cloud: Cloud, machine: Resource, before: Resource | None) -> None:
    """Refuse a machine that exceeds a quota; ``before`` is the present machine, if it exists.

    Deallocated machines count too. Source: Microsoft's page on quotas.
    """
    more = _taken(machine)
    more.subtract(_taken(before) if before else {})
    used = _used(cloud, machine.id.subscription, machine.location)
    for quota, cores in more.items():
        limit, least = cores_limit(quota, machine.location), used[quota] + cores
        if cores > 0 and least > limit:
            called = _CALLED.get(quota, f"{quota} Cores")
            blanks = {"quota": called, "location": machine.location, "limit": limit, "usage": used[quota]}
            raise ArmError("OperationNotAllowed:quota", **blanks, more=cores, least=least)


def usages(cloud: Cloud, subscription: str, location: str) -> list[Json]:
    """List use and limit of all cores, of Spot cores, of machines, and of every family in a location.

    Source: azure-rest-api-specs, Microsoft.Compute, Usage_List.
    """
    used = _used(cloud, subscription, location)
    machines = sum(count for *_, count in cloud.store.machine_sizes(subscription, location))
    cores = {REGION: "Total Regional vCPUs", SPOT: "Total Regional Spot vCPUs"}
    cores |= {size.family: f"{size.family} vCPUs" for size in SIZES.values()}
    return [
        _usage("virtualMachines", "Virtual Machines", machines, _MACHINES),
        *(_usage(quota, shown, used[quota], cores_limit(quota, location)) for quota, shown in cores.items()),
    ]


def _usage(name: str, shown: str, used: int, limit: int) -> Json:
    return {"unit": "Count", "currentValue": used, "limit": limit, "name": {"value": name, "localizedValue": shown}}


def _taken(machine: Resource) -> Counter[str]:
    return _cores(size_of(machine), machine.properties.get("priority"))


def _cores(size: Size, priority: str | None) -> Counter[str]:
    """Count the cores of a machine in each quota."""
    return Counter(dict.fromkeys([SPOT] if priority == "Spot" else [size.family, REGION], size.cores))


def _used(cloud: Cloud, subscription: str, location: str) -> Counter[str]:
    """Count the used cores in a location by quota."""
    used: Counter[str] = Counter()
    for name, priority, count in cloud.store.machine_sizes(subscription, location):
        for quota, cores in _cores(SIZES[name.lower()], priority).items():
            used[quota] += cores * count
    return used
