"""The properties of a VM that neither an update nor a replacement can change."""

from collections.abc import Iterator, Mapping
from typing import Any

from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.deploy import own_image, traits
from vmops.spec.vm_spec import VmSpec

Body = Mapping[str, Any]


def refuse_change(spec: VmSpec, machine: Body, nic: Body | None, *, never_ran: bool = False) -> None:
    """Check that the spec changes no fixed property.

    A VM that ``never_ran`` may move to another place of its spec.

    Raises: OperationFailed (immutable), naming the parameter and both values.
    """
    for name, there, asked in _pairs(spec, machine, nic):
        if there != asked and not (never_ran and name in spec.moves):
            message = f"{name}: the VM has {there or 'none'} and cannot be changed to {asked or 'none'}"
            raise OperationFailed(Failure(FailureKind.IMMUTABLE, message, resource=str(machine["id"])))


def _pairs(spec: VmSpec, machine: Body, nic: Body | None) -> Iterator[tuple[str, str | None, str | None]]:
    """Give each fixed parameter with its present and its requested value."""
    subnet = _used_subnet(spec, nic)
    yield "subnetId", subnet, subnet and spec.subnet_id and spec.subnet_id.lower()
    for role, body in (("vm", machine), ("nic", nic)):
        found = traits.differing(spec, role, body) if body else ()
        yield from ((trait.parameter, str(there), str(asked)) for trait, asked, there in found if trait.fixed)
    yield "location", machine.get("location"), spec.location or machine.get("location")
    yield "zone", next(iter(machine.get("zones") or ()), None), spec.zone
    yield "plan", *_plans(spec, machine)
    yield from (("dataDiskType", found, spec.data_disk_type) for found in _types(spec, machine))
    yield "priority", machine["properties"].get("priority") or "Regular", spec.priority


def _types(spec: VmSpec, machine: Body) -> Iterator[str]:
    """Give the storage types of our data disks, if the spec names one."""
    wanted = {lun: spec.disk_name(lun) for lun, _ in enumerate(spec.data_disks)}
    for disk in machine["properties"].get("storageProfile", {}).get("dataDisks") or ():
        ours = str(disk.get("name")).lower() == wanted.get(disk["lun"], "").lower()
        if spec.data_disk_type and ours and (found := disk.get("managedDisk", {}).get("storageAccountType")):
            yield str(found)


def _plans(spec: VmSpec, machine: Body) -> tuple[str | None, str | None]:
    """Give the present and the requested plan, if the spec has one and the image stays: a plan belongs to an image."""
    if spec.plan is None or own_image.is_another(machine, spec):
        return None, None
    plan = machine.get("plan") or {}
    there = ":".join(str(plan.get(name, "")) for name in ("publisher", "product", "name")) if plan else None
    return there, there if there and there.lower() == spec.plan.lower() else spec.plan


def _used_subnet(spec: VmSpec, nic: Body | None) -> str | None:
    """Give an interface's subnet in lower case, if its network is in another group or the spec has a ``subnetId``.

    None if nothing is known of it.
    """
    first: Body = next(iter((nic or {"properties": {}})["properties"].get("ipConfigurations") or ()), {})
    found = str(first.get("properties", {}).get("subnet", {}).get("id", "")).lower()
    return found if found and (spec.subnet_id or not found.startswith(f"{spec.group_id.lower()}/")) else None
