"""Rules for ephemeral OS disks, and for data disks with separate IOPS and MB/s."""

from typing import Literal, get_args

from pydantic import ValidationInfo

from vmops.spec.rules.values import one_of, within

SEPARATE_DISK_TYPES = frozenset({"PremiumV2_LRS", "UltraSSD_LRS"})
"""Disk types with separate IOPS and MB/s, which cannot be set on a disk that is created together with its VM.

Source: compute REST reference, DataDisk and Disk: diskIOPSReadWrite.
"""
_CACHINGS = ("None", "ReadOnly", "ReadWrite")

Placement = Literal["cache", "resource", "nvme"]
PLACEMENTS = {"cache": "CacheDisk", "resource": "ResourceDisk", "nvme": "NvmeDisk"}
"""Azure's names for the placement of an ephemeral OS disk. Source: compute REST reference, DiffDiskPlacement."""


def ephemeral(value: object, info: ValidationInfo) -> str:
    """Allow an ephemeral OS disk only for a VM that is never deallocated.

    Source: Azure documentation, ephemeral OS disks: they cannot be stopped and deallocated, nor resized; Spot VMs with
    ephemeral OS disks: the eviction policy is Delete.
    """
    placement = one_of(*get_args(Placement))(value)
    if info.data.get("eviction_policy") == "Deallocate":
        raise ValueError(f"{placement!r} needs evictionPolicy Delete: such a VM cannot be deallocated")
    return placement


def os_disk_caching(value: object, info: ValidationInfo) -> str:
    """Allow an ephemeral OS disk only the caching that it supports.

    Source: terraform-provider-azurerm, azurerm_linux_virtual_machine: diff_disk_settings needs the caching ReadOnly.
    """
    caching = one_of(*_CACHINGS)(value)
    if info.data.get("ephemeral_os_disk") and caching != "ReadOnly":
        raise ValueError(f"{caching!r}: an ephemeral system disk has the caching ReadOnly")
    return caching


def data_disk_caching(value: object, info: ValidationInfo) -> str:
    """Refuse host caching for a disk type that has none.

    Source: Azure documentation, Premium SSD v2 and Ultra disks.
    """
    caching = one_of(*_CACHINGS)(value)
    if caching != "None" and _is_separate(info):
        raise ValueError(f"{caching!r}: disks of the type {info.data['data_disk_type']} are never cached")
    return caching


def iops(value: object, info: ValidationInfo) -> int:
    """Check IOPS; Azure knows the limit for each disk size.

    Source: Azure documentation, managed disk types: at least 100, at most 400 000.
    """
    return _speed(value, info, 100, 400_000, "IOPS of a disk (100 to 400000)")


def mbps(value: object, info: ValidationInfo) -> int:
    """Check megabytes a second. Source: Azure documentation, managed disk types: at least 1, at most 10 000."""
    return _speed(value, info, 1, 10_000, "MB/s of a disk (1 to 10000)")


def _speed(value: object, info: ValidationInfo, least: int, most: int, what: str) -> int:
    speed = within(value, least, most, what)
    if not _is_separate(info):
        raise ValueError(f"{speed} needs dataDiskType {' or '.join(sorted(SEPARATE_DISK_TYPES))}")
    return speed


def _is_separate(info: ValidationInfo) -> bool:
    return info.data.get("data_disk_type") in SEPARATE_DISK_TYPES
