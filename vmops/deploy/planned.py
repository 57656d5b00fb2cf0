"""The changes that a provision makes to a VM because its spec differs; changes by others are drift."""

from collections.abc import Iterator, Mapping
from typing import Any

from vmops.azure.client import Arm
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.deploy.drift import Drift
from vmops.deploy.replacement import replacing
from vmops.deploy.survey import Preflight, data_disks
from vmops.spec import names
from vmops.spec.foreign import ForeignParts
from vmops.spec.rules.spelling import near_miss
from vmops.spec.vm_spec import VmSpec


def beside_drift(spec: VmSpec, before: Preflight, foreign: ForeignParts) -> list[Drift]:
    """List what would be replaced, grown, detached or removed, except ``foreign`` parts; empty without a VM."""
    if before.machine is None:
        return []
    bodies = {role: body for role, body in before.bodies(spec, ours=True).items() if role not in before.external}
    found = [*replacing(before.machine, spec), *_disks(before.machine, spec, foreign)]
    for role, body in bodies.items():
        found += _tags(spec, body, foreign.tags.get(role, {}))
    return [*found, *_rules(spec, bodies.get("security_group", {}), foreign)]


def refuse_size(arm: Arm, spec: VmSpec, before: Preflight) -> None:
    """Check that the new size of a VM is available in its place.

    Raises: OperationFailed (invalid) if there is no such size, naming a similar one; (capacity) if it is not available
    to this subscription; CloudError if ARM refuses.
    """
    has = before.machine and before.machine["properties"].get("hardwareProfile", {}).get("vmSize", "")
    if has and has.lower() == spec.vm_size.lower():
        return
    known = arm.offers(spec.subscription, before.location)
    offer = known.get(spec.vm_size.lower())
    if offer is None:
        near = near_miss(spec.vm_size, [each.name for each in known.values()])
        message = f"vmSize: there is no {spec.vm_size} in {before.location}{f'; did you mean {near}?' if near else ''}"
        raise OperationFailed(Failure(FailureKind.INVALID, message, resource=spec.vm_id))
    if offer.refused:
        message = f"vmSize: {offer.name} is not available in {before.location}: {offer.refused}"
        raise OperationFailed(Failure(FailureKind.CAPACITY, message, resource=spec.vm_id))


def _disks(machine: Mapping[str, Any], spec: VmSpec, foreign: ForeignParts) -> Iterator[Drift]:
    """Compare sizes and luns; ARM returns no size of a disk while its VM is deallocated."""
    others = {disk["lun"] for disk in foreign.disks}
    for lun, disk in data_disks(machine).items():
        path, name = f"storageProfile.dataDisks[{lun}]", spec.disk_name(lun)
        has = disk.get("diskSizeGB")
        if lun >= len(spec.data_disks) and lun not in others:
            yield Drift(machine["id"], path, "dataDisks", name, None, f"{name} ({has} GB)" if has else name)
        elif lun < len(spec.data_disks) and has and has != spec.data_disks[lun]:
            yield Drift(machine["id"], f"{path}.diskSizeGB", "dataDisks", name, spec.data_disks[lun], has)
    system = machine["properties"].get("storageProfile", {}).get("osDisk", {}).get("diskSizeGB")
    if spec.os_disk_size_gb and system and system != spec.os_disk_size_gb:
        path = "storageProfile.osDisk.diskSizeGB"
        yield Drift(machine["id"], path, "osDiskSizeGB", "system disk", spec.os_disk_size_gb, system)


def _tags(spec: VmSpec, body: Mapping[str, Any], foreign: Mapping[str, str]) -> Iterator[Drift]:
    stay = {name.lower() for name in (*spec.tags, *foreign)}
    for name, value in (body.get("tags") or {}).items():
        if name.lower() not in stay and not name.lower().startswith(names.TAG_PREFIX):
            yield Drift(body["id"], f"tags.{name}", "tags", f"tag {name}", None, value)


def _rules(spec: VmSpec, guard: Mapping[str, Any], foreign: ForeignParts) -> Iterator[Drift]:
    stay = {names.rule(port) for port in spec.vm_ports} | {rule["name"].lower() for rule in foreign.rules}
    for rule in guard.get("properties", {}).get("securityRules") or ():
        if rule["name"].lower() not in stay:
            yield Drift(guard["id"], f"securityRules.{rule['name']}", "vmPorts", f"rule {rule['name']}", None, "open")
