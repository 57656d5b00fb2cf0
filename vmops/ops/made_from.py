"""What a VM was really made from, for a lock file."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from vmops.engine.install.locate import ENGINE_VERSION
from vmops.jobs.operation import Operation
from vmops.spec import lock_file
from vmops.spec.lock_file import LockedDisk, LockedImage, LockFile, Made, Sealed, Tools
from vmops.spec.rules import hardware
from vmops.spec.vm_spec import VmSpec


def locked(machine: Mapping[str, Any], spec: VmSpec, last: Operation, custom_data: str | None) -> dict[str, Any]:
    """Give the content of a VM's lock file as plain JSON, from ARM and from the last request."""
    given = {name: value for name, value in last.given.items() if name not in lock_file.UNBOUND}
    tools = Tools(vmops=version("vmops"), engine=ENGINE_VERSION, azure_native=version("pulumi_azure_native"))
    found = LockFile(vm_name=spec.vm_name, parameters=given, made=_made(machine, spec, custom_data), tools=tools)
    return found.model_dump(mode="json", by_alias=True)


def metrics(locked: Mapping[str, Any], custom_data: str | None, price: float | None) -> dict[str, str]:
    """Give what a trial's results should say of its VM: place, image and price, and a digest of these.

    VMs with the same digest (``vmops_lock``) were made from the same inputs. The price is not part of the digest; it is
    '' if unknown. Guessing custom data from the digest costs as much as from its hash.
    """
    made = {name: value for name, value in locked["made"].items() if name != "customData"}
    told = made.pop("image")
    image = LockedImage.model_validate(told).exact if told else str(locked["parameters"].get("imageId"))
    given = {name: value for name, value in locked["parameters"].items() if name not in _SAID_BY_MADE}
    whole = json.dumps([made, image.lower(), given, custom_data], sort_keys=True)
    return {
        "vmops_size": made["vmSize"],
        "vmops_location": made["location"],
        "vmops_zone": made["zone"] or "",
        "vmops_priority": made["priority"],
        "vmops_cpu": hardware.cpu(made["vmSize"]),
        "vmops_image": image,
        "vmops_price": "" if price is None else f"{price:g}",
        "vmops_lock": lock_file.seal(whole, _FIXED),
    }


_SAID_BY_MADE = frozenset({"image", "ubuntuOSVersion", "vmSize", "location", "zone", "priority", "customDataFile"})
_FIXED = b"vmops environment"
"""Used as the salt: the same environment has the same digest on every host."""


def _made(machine: Mapping[str, Any], spec: VmSpec, custom_data: str | None) -> Made:
    """Read ARM's answer. Source: compute REST reference, VirtualMachine; a regular VM has no ``priority``."""
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
        custom_data=None if custom_data is None else Sealed.of(custom_data),
    )


_IMAGE = ("publisher", "offer", "sku", "version", "exactVersion")


def _image(reference: Mapping[str, Any]) -> LockedImage | None:
    by_name = reference.get("publisher")
    return LockedImage(**{name: reference[name] for name in _IMAGE}) if by_name else None


def _disk(disk: Mapping[str, Any]) -> LockedDisk:
    return LockedDisk(sizeGB=disk["diskSizeGB"], type=disk["managedDisk"]["storageAccountType"])
