"""Which properties of an existing machine may change, and which may not.

Source: Microsoft's pages on virtual machine errors, and the refusals users report; the rest as in Terraform's list of
arguments that force a new machine.
"""

from copy import deepcopy
from typing import Any

from vmops.local.arm.models.compute.identity import identified
from vmops.local.arm.models.compute.machine_profile import NEVER_SHOWN, SECRETS, find_size
from vmops.local.arm.models.compute.quota import size_of
from vmops.local.arm.models.kind import replace_tags
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.secrets import matches

# The name in ARM's refusal of a change → the path of the property.
_FIXED = {
    "imageReference": "storageProfile.imageReference",
    "osDisk.createOption": "storageProfile.osDisk.createOption",
    "osDisk.diffDiskSettings": "storageProfile.osDisk.diffDiskSettings",
    "osDisk.name": "storageProfile.osDisk.name",
    "osDisk.managedDisk.storageAccountType": "storageProfile.osDisk.managedDisk.storageAccountType",
    "adminUsername": "osProfile.adminUsername",
    "computerName": "osProfile.computerName",
    "linuxConfiguration.ssh.publicKeys": "osProfile.linuxConfiguration.ssh.publicKeys",
    "linuxConfiguration.disablePasswordAuthentication": "osProfile.linuxConfiguration.disablePasswordAuthentication",
    "linuxConfiguration.provisionVMAgent": "osProfile.linuxConfiguration.provisionVMAgent",
    "priority": "priority",
    "evictionPolicy": "evictionPolicy",
    "availabilitySet.id": "availabilitySet.id",
}
# The values of properties that are not shown.
_UNSAID = {"priority": "Regular"}
# A PUT without one of these removes it.
_OPTIONAL = ("diagnosticsProfile", "licenseType", "billingProfile")


def updated(cloud: Cloud, machine: Resource, request: Json, *, whole: bool) -> Resource:
    """Return a machine after a request.

    A whole request (PUT) replaces tags, data disks and optional parts; another (PATCH) changes only the members that it
    names.
    Raises: ArmError PropertyChangeNotAllowed, and the refusals of such a machine's creation.
    """
    asked = deepcopy(request.get("properties", {}))
    _require_unchanged(machine, request, asked)
    _require_size(machine, asked)
    changed = Resource(machine.id, deepcopy(machine.body), deepcopy(machine.hidden))
    if whole or request.get("tags") is not None:
        replace_tags(changed.body, request)
    if request.get("identity"):
        held = changed.body.pop("identity", None)
        if identity := identified(cloud, machine.id, request["identity"], None if whole else held):
            changed.body["identity"] = identity
    if asked.get("userData") is not None:
        changed.hidden["userData"] = asked["userData"]
    if whole:
        for key in _OPTIONAL:
            changed.properties.pop(key, None)
    lay_over(changed.properties, _changeable(machine, asked, whole=whole))
    _require_deallocated_for_interfaces(machine, changed)
    return changed


def _require_unchanged(machine: Resource, request: Json, asked: Json) -> None:
    for target, path in _FIXED.items():
        new, old = _at(asked, path), _at(machine.properties, path)
        if new is not None and not _same(new, _UNSAID.get(target) if old is None else old):
            raise ArmError("PropertyChangeNotAllowed", target=target)
    if request.get("zones") is not None and request["zones"] != machine.body.get("zones", []):
        raise ArmError("PropertyChangeNotAllowed", target="zones")
    sealed = machine.hidden.get("secrets", {})
    for name in SECRETS:
        secret = asked.get("osProfile", {}).get(name)
        if secret and not (name in sealed and matches(secret, sealed[name])):
            raise ArmError("PropertyChangeNotAllowed", target=name)


def _require_size(machine: Resource, asked: Json) -> None:
    if _at(asked, "hardwareProfile.vmSize") is None:
        return
    old, new = size_of(machine), find_size(asked, machine.location)
    if old.architecture != new.architecture:
        blanks = {"old": old.name, "has": old.architecture, "new": new.name, "wants": new.architecture}
        raise ArmError("InvalidParameter:resizeArchitecture", target="vmSize", **blanks)
    asked["hardwareProfile"]["vmSize"] = new.name


def _same(new: Any, old: Any) -> bool:
    """Compare without regard to case, ignoring members that the service has added."""
    if isinstance(new, dict) and isinstance(old, dict):
        return all(_same(value, old.get(key)) for key, value in new.items() if key != "exactVersion")
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(map(_same, new, old))
    return str(new).lower() == str(old).lower()


def _at(properties: Json, path: str) -> Any:
    found: Any = properties
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _changeable(machine: Resource, asked: Json, *, whole: bool) -> Json:
    """Return the changeable part of a request, without secrets and fixed properties."""
    open_part = {key: value for key, value in asked.items() if key not in NEVER_SHOWN}
    for path in (*_FIXED.values(), *(f"osProfile.{name}" for name in SECRETS)):
        *holder, last = path.split(".")
        found = _at(open_part, ".".join(holder)) if holder else open_part
        if isinstance(found, dict):
            found.pop(last, None)
    storage = open_part.get("storageProfile", {})
    if whole or storage.get("dataDisks") is not None:
        old = {disk["lun"]: disk for disk in machine.properties["storageProfile"]["dataDisks"]}
        kept = [disk for disk in storage.get("dataDisks", []) if not disk.get("toBeDetached")]
        disks = [lay_over(deepcopy(old.get(disk.get("lun"), {})), disk) for disk in kept]
        open_part["storageProfile"] = storage | {"dataDisks": disks}
    return open_part


def lay_over(old: Json, new: Json) -> Json:
    """Merge one tree into another, in place; lists are replaced."""
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            lay_over(old[key], value)
        else:
            old[key] = value
    return old


def _require_deallocated_for_interfaces(machine: Resource, changed: Resource) -> None:
    before, after = (
        {slot.get("id", "").lower() for slot in version.properties["networkProfile"]["networkInterfaces"]}
        for version in (machine, changed)
    )
    if before != after and machine.hidden["power"] not in (None, "deallocated"):
        raise ArmError("OperationNotAllowed:nics", vm=machine.id.name)
