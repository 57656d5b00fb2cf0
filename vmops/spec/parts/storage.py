"""How a VM's disks are attached and cached, and whether its OS disk survives a deallocation."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from vmops.spec.parts.machine import Machine
from vmops.spec.rules import storage
from vmops.spec.target import choice

Caching = Literal["None", "ReadOnly", "ReadWrite"]
Controller = Literal["SCSI", "NVMe"]
DataDiskType = Literal["Premium_LRS", "StandardSSD_LRS", "Standard_LRS", "PremiumV2_LRS", "UltraSSD_LRS"]


class Storage(Machine):
    """The controller of all disks, their caching, and where an ephemeral OS disk is placed.

    ``data_disk_iops`` and ``data_disk_mbps`` (MB/s) apply to each data disk, for types whose speed is bought
    separately.

    Source: compute REST reference, DiskControllerTypes, CachingTypes, DiffDiskPlacement.
    """

    disk_controller_type: Annotated[Controller | None, choice(Controller)] = None
    ephemeral_os_disk: Annotated[storage.Placement | None, BeforeValidator(storage.ephemeral)] = None
    os_disk_caching: Annotated[Caching | None, BeforeValidator(storage.os_disk_caching)] = None
    data_disk_type: Annotated[DataDiskType | None, choice(DataDiskType)] = None
    data_disk_caching: Annotated[Caching | None, BeforeValidator(storage.data_disk_caching)] = None
    data_disk_iops: Annotated[int | None, BeforeValidator(storage.iops)] = None
    data_disk_mbps: Annotated[int | None, BeforeValidator(storage.mbps)] = None

    @property
    def has_separate_disks(self) -> bool:
        """Whether the data disks are separate resources, made before the VM and independent of it."""
        return self.data_disk_type in storage.SEPARATE_DISK_TYPES
