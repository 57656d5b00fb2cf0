"""What a VM was really made from: the content of a lock file, and the metrics of a trial."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from vmops.engine.install.locate import ENGINE_VERSION
from vmops.jobs.operation import Operation
from vmops.spec import lock_file
from vmops.spec.lock_file import HashedText, LockedDisk, LockedImage, LockFile, Made, Tools
from vmops.spec.rules import hardware
from vmops.spec.vm_spec import VmSpec


def locked(made: Made, spec: VmSpec, last: Operation, custom_data: str | None) -> dict[str, Any]:
    """Give the content of a lock file as plain JSON, from ARM's answer and from the last request."""
    tools = Tools(vmops=version("vmops"), engine=ENGINE_VERSION, azure_native=version("pulumi_azure_native"))
    sealed = made.model_copy(update={"custom_data": None if custom_data is None else HashedText.of(custom_data)})
    found = LockFile(vm_name=spec.vm_name, parameters=_given(last), made=sealed, tools=tools)
    return found.model_dump(mode="json", by_alias=True)


def metrics(made: Made, last: Operation, custom_data: str | None, price: float | None) -> dict[str, str]:
    """Give the metrics of a trial's VM: place, image and price, and a digest of its inputs.

    VMs with the same digest (``vmops_lock``) were made from the same inputs. The price is not part of the digest; it is
    '' if unknown. Guessing custom data from the digest costs as much as from its hash.
    """
    facts = made.model_dump(mode="json", by_alias=True, exclude={"custom_data", "image"})
    image = made.image.exact if made.image else str(last.given.get("imageId"))
    given = {name: value for name, value in _given(last).items() if name not in _IN_MADE}
    whole = json.dumps([facts, image.lower(), given, custom_data], sort_keys=True)
    return {
        "vmops_size": made.vm_size,
        "vmops_location": made.location,
        "vmops_zone": made.zone or "",
        "vmops_priority": made.priority,
        "vmops_cpu": hardware.cpu(made.vm_size),
        "vmops_image": image,
        "vmops_price": "" if price is None else f"{price:g}",
        "vmops_lock": lock_file.scrypt_hash(whole, _FIXED),
    }


def joined(rows: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Merge the metrics of a fleet's VMs: a common value once, other values once for each member's number."""
    found: dict[str, str] = {}
    for name in next(iter(rows.values())):
        values = {number: row[name] for number, row in rows.items()}
        same = len({*values.values()}) == 1
        found |= {name: next(iter(values.values()))} if same else {f"{name}_{each}": values[each] for each in values}
    return found


def _given(last: Operation) -> dict[str, Any]:
    return {name: value for name, value in last.given.items() if name not in lock_file.NOT_PINNED}


_IN_MADE = frozenset({"image", "ubuntuOSVersion", "vmSize", "location", "zone", "priority", "customDataFile"})
_FIXED = b"vmops environment"
"""The salt of the digest: the same environment has the same digest on every host."""


def made(machine: Mapping[str, Any], spec: VmSpec) -> Made:
    """Read from ARM's answer what a VM was made from; ARM does not return custom data.

    Source: compute REST reference, VirtualMachine; a regular VM has no ``priority``.
    """
    properties = machine["properties"]
    storage = properties["storageProfile"]
    own = [spec.disk_name(lun).lower() for lun, _ in enumerate(spec.data_disks)]
    disks = {str(disk.get("name")).lower(): disk for disk in storage.get("dataDisks") or ()}
    return Made(
        image=_image(storage["imageReference"]),
        vm_size=properties["hardwareProfile"]["vmSize"],
        location=machine["location"],
        zone=next(iter(machine.get("zones") or ()), None),
        priority=properties.get("priority") or "Regular",
        os_disk=_disk(storage["osDisk"]),
        data_disks=tuple(_disk(disks[name]) for name in own if name in disks),
        custom_data=None,
    )


_IMAGE = ("publisher", "offer", "sku", "version", "exactVersion")


def _image(reference: Mapping[str, Any]) -> LockedImage | None:
    by_name = reference.get("publisher")
    return LockedImage(**{name: reference[name] for name in _IMAGE}) if by_name else None


def _disk(disk: Mapping[str, Any]) -> LockedDisk:
    return LockedDisk(sizeGB=disk["diskSizeGB"], type=disk["managedDisk"]["storageAccountType"])
