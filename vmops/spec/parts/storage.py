"""How a VM's disks are attached and cached, and whether its system disk outlives a deallocation."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from vmops.spec.parts.machine import DiskType, Machine
from vmops.spec.rules import storage
from vmops.spec.target import choice

Caching = Literal["None", "ReadOnly", "ReadWrite"]
Controller = Literal["SCSI", "NVMe"]


class Storage(Machine):
    """The controller of all disks, their caching, and where a system disk lies that is only its host's.

    Source: compute REST reference, DiskControllerTypes, CachingTypes, DiffDiskPlacement.
    """

    disk_controller_type: Annotated[Controller | None, choice(Controller)] = None
    ephemeral_os_disk: Annotated[storage.Placement | None, BeforeValidator(storage.ephemeral)] = None
    os_disk_caching: Annotated[Caching | None, BeforeValidator(storage.os_disk_caching)] = None
    data_disk_type: Annotated[DiskType | None, choice(DiskType)] = None
    data_disk_caching: Annotated[Caching | None, choice(Caching)] = None
