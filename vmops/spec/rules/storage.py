"""A system disk that is only its host's, and what does not go together with one."""

from typing import Literal, get_args

from pydantic import ValidationInfo

from vmops.spec.rules.values import one_of

Placement = Literal["cache", "resource", "nvme"]
PLACEMENTS = {"cache": "CacheDisk", "resource": "ResourceDisk", "nvme": "NvmeDisk"}
"""How Azure calls where an ephemeral system disk lies. Source: compute REST reference, DiffDiskPlacement."""


def ephemeral(value: object, info: ValidationInfo) -> str:
    """Keep an ephemeral system disk to a VM that is never deallocated.

    Source: Azure documentation, ephemeral OS disks: they cannot be stopped and deallocated, nor resized; Spot VMs with
    ephemeral OS disks: the eviction policy is Delete.
    """
    placement = one_of(*get_args(Placement))(value)
    if info.data.get("eviction_policy") == "Deallocate":
        raise ValueError(f"{placement!r} needs evictionPolicy Delete: such a VM cannot be deallocated")
    return placement


def os_disk_caching(value: object, info: ValidationInfo) -> str:
    """Keep the caching of an ephemeral system disk to what it can have.

    Source: terraform-provider-azurerm, azurerm_linux_virtual_machine: diff_disk_settings needs the caching ReadOnly.
    """
    caching = one_of("None", "ReadOnly", "ReadWrite")(value)
    if info.data.get("ephemeral_os_disk") and caching != "ReadOnly":
        raise ValueError(f"{caching!r}: an ephemeral system disk has the caching ReadOnly")
    return caching
