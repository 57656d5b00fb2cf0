"""Disks whose speed is set separately from their size, Premium SSD v2 and Ultra, and where they can be used.

Source: Microsoft's pages on the types of managed disks; azure-docs#59977 and terraform-provider-azurerm#3860, which
quote refusals. The words of the others are ours.
"""

from dataclasses import dataclass

from vmops.local.arm.data.locations import zones
from vmops.local.arm.models.compute.quota import size_of
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId

_IOPS, _MBPS = "diskIOPSReadWrite", "diskMBpsReadWrite"
_ULTRA = "UltraSSD_LRS"


@dataclass(frozen=True, slots=True)
class Speed:
    """The limits of a disk type: GiB, IOPS (by its size) and MB/s (by its IOPS)."""

    size: tuple[int, int]
    iops: tuple[int, int]
    mbps: tuple[int, int]
    iops_per_gib: int
    mbps_per_iops: float

    def bounds(self, size: int, iops: int) -> dict[str, tuple[int, int]]:
        """Give the least and the most of each property for a disk of that size and speed."""
        return {
            "diskSizeGB": self.size,
            _IOPS: _bounded(self.iops, size * self.iops_per_gib),
            _MBPS: _bounded(self.mbps, iops * self.mbps_per_iops),
        }


_SPEEDS = {
    "PremiumV2_LRS": Speed((1, 65536), (3000, 80_000), (125, 2_000), 500, 0.25),
    _ULTRA: Speed((4, 65536), (100, 400_000), (1, 10_000), 1000, 0.256),
}


def _bounded(limits: tuple[int, int], most: float) -> tuple[int, int]:
    return limits[0], max(limits[0], min(limits[1], int(most)))


def set_default_speed(disk: Resource) -> None:
    """Give a disk the least speed of its type if it names none; other types have no speed to name.

    Raises: ArmError InvalidParameter for a speed that its type or its size does not allow.
    """
    kind, says = disk.body["sku"]["name"], disk.properties
    if kind not in _SPEEDS:
        if named := {_IOPS, _MBPS} & says.keys():
            raise ArmError("InvalidParameter:speed", target=f"disk.{min(named)}", kind=kind)
        return
    speed = _SPEEDS[kind]
    says.setdefault(_IOPS, speed.iops[0])
    says.setdefault(_MBPS, speed.mbps[0])
    for name, (least, most) in speed.bounds(says["diskSizeGB"], says[_IOPS]).items():
        if not least <= says[name] <= most:
            blanks = {"kind": kind, "least": least, "most": most, "asked": says[name]}
            raise ArmError("InvalidParameter:bounds", target=f"disk.{name}", **blanks)


def require_bearable(cloud: Cloud, machine: Resource) -> None:
    """Refuse a machine that does not support the disks attached to it.

    Raises: ArmError InvalidParameter.
    """
    storage = machine.properties["storageProfile"]
    if storage["osDisk"].get("managedDisk", {}).get("storageAccountType") in _SPEEDS:
        raise ArmError("InvalidParameter:value", target="osDisk.managedDisk.storageAccountType")
    for disk in storage["dataDisks"]:
        if (kind := _kind(cloud, disk)) in _SPEEDS:
            _require(machine, disk, kind)
    if _has_ultra(machine) and _is_regional(machine):
        raise ArmError("InvalidParameter:zone", target="additionalCapabilities.ultraSSDEnabled", feature="UltraSSD")


def _require(machine: Resource, disk: Json, kind: str) -> None:
    target, size = "managedDisk.storageAccountType", size_of(machine)
    if kind == _ULTRA and not _has_ultra(machine):
        raise ArmError("InvalidParameter:ultra", target=target)
    if not size.premium:
        raise ArmError("InvalidParameter:premium", target=target, size=size.name, kind=kind, disk=disk.get("name", ""))
    if _is_regional(machine):
        raise ArmError("InvalidParameter:zone", target=target, feature=kind)
    if disk.get("caching", "None") != "None":
        raise ArmError("InvalidParameter:cached", target="dataDisk.caching", kind=kind)


def _kind(cloud: Cloud, disk: Json) -> str:
    """Give the type of a data disk; for an existing disk, its present type."""
    managed = disk.get("managedDisk", {})
    try:
        found = cloud.store.get(ResourceId.parse(managed.get("id") or ""))
    except ValueError:
        found = None
    held = found.body.get("sku", {}).get("name") if found else None
    return str(held or managed.get("storageAccountType", ""))


def _has_ultra(machine: Resource) -> bool:
    return bool(machine.properties.get("additionalCapabilities", {}).get("ultraSSDEnabled"))


def _is_regional(machine: Resource) -> bool:
    """Tell whether a machine is in no zone although the location has zones."""
    return bool(zones(machine.location)) and not machine.body.get("zones")
