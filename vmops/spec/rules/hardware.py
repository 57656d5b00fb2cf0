"""Rules for size, processor, zone, price and disks."""

import re

from vmops.core.durations import number
from vmops.spec.rules.values import items, one_of, text, within

_SIZE = re.compile(r"[A-Za-z]+_[A-Za-z]+[0-9][A-Za-z0-9_-]*")
_SIZE_FEATURES = re.compile(r"[a-z]+_[a-z]+\d+(?:-\d+)?([a-z]*)")
_SIZE_VERSION = re.compile(r"_v(\d+)$")
_NVME_ALONE = 6
# Source: Azure managed disks, StorageProfile; disks of 32 TiB less one GiB, logical unit numbers 0 to 63.
_MAX_DATA_DISK_GB, _MAX_DATA_DISKS = 32767, 64


def vm_size(value: object) -> str:
    """Check the form of a size, such as Standard_D2s_v5; ARM knows which exist. Source: vm-naming-conventions."""
    if not _SIZE.fullmatch(size := text(value)):
        raise ValueError(f"{size!r} is not a VM size (such as Standard_B2s or Standard_D2ps_v5)")
    return size


def is_arm64(size: str) -> bool:
    """Tell whether a size has an Arm processor, feature letter "p". Source: vm-naming-conventions."""
    match = _SIZE_FEATURES.match(size.lower())
    return match is not None and "p" in match[1]


def cpu(size: str) -> str:
    """Give the maker and architecture of a size's processor: ``Intel x64``, ``AMD x64``, ``Ampere Arm64``.

    Source: vm-naming-conventions: the feature letter "a" is AMD, "p" is Arm, of Microsoft itself from version 6 on.
    """
    match, version = _SIZE_FEATURES.match(size.lower()), _SIZE_VERSION.search(size.lower())
    if is_arm64(size):
        return "Microsoft Arm64" if version and int(version[1]) >= _NVME_ALONE else "Ampere Arm64"
    return "AMD x64" if match and "a" in match[1] else "Intel x64"


def boots_generation_1(size: str) -> bool:
    """Tell whether a size boots generation 1 images: not with an Arm processor, and not from version 6 on.

    Source: Azure documentation, generation 2 VMs, and the v6 and v7 series.
    """
    version = _SIZE_VERSION.search(size.lower())
    return not is_arm64(size) and (version is None or int(version[1]) < _NVME_ALONE)


def zone(value: object) -> str:
    """Check an availability zone, a number. Source: Azure availability zones, logical zones 1, 2 and 3."""
    if (name := text(value)) not in ("1", "2", "3"):
        raise ValueError(f"{name!r} is not a zone (1, 2 or 3)")
    return name


def max_price(value: object) -> float:
    """Check a Spot price in US dollars an hour; -1 means up to the regular price. Source: BillingProfile.maxPrice."""
    if (price := number(value)) != -1 and price <= 0:
        raise ValueError(f"{value!r} is not a Spot price (US dollars an hour above 0, or -1 for the regular price)")
    return price


def eviction_policy(value: object) -> str:
    """Check what happens to a Spot VM on eviction.

    Source: compute REST reference, VirtualMachineEvictionPolicyTypes.
    """
    return one_of("Deallocate", "Delete")(value)


def os_disk_size(value: object) -> int:
    """Check the size of an OS disk in GiB. Source: managed disks; Ubuntu's images need 30 GiB."""
    return within(value, 30, 4095, "a system disk's size (30 to 4095 GiB)")


def data_disks(value: object) -> tuple[int, ...]:
    """Return the sizes of data disks in GiB, in the order of their luns."""
    rule = f"a data disk's size (1 to {_MAX_DATA_DISK_GB} GiB)"
    sizes = tuple(within(size, 1, _MAX_DATA_DISK_GB, rule) for size in items(value))
    if len(sizes) > _MAX_DATA_DISKS:
        raise ValueError(f"{len(sizes)} disks are more than {_MAX_DATA_DISKS}")
    return sizes
