"""Data disks that are separate resources: types with IOPS and MB/s independent of their size."""

from collections.abc import Mapping

import pulumi_azure_native as azure
from pulumi import Input, ResourceOptions

from vmops.spec.foreign import ForeignParts
from vmops.spec.vm_spec import VmSpec


def data_disks(
    spec: VmSpec, tags: Mapping[str, str], options: ResourceOptions, foreign: ForeignParts
) -> dict[int, Input[str]]:
    """Declare each of them, and give their ids by lun; empty if the VM's disks are created with the VM.

    The engine never deletes them: a disk that is no longer declared is detached and kept.
    """
    if not spec.has_separate_disks:
        return {}
    own = ResourceOptions.merge(options, ResourceOptions(retain_on_delete=True))
    return {
        lun: _disk(spec, lun, size, foreign.tagged(f"data_disk_{lun}", dict(tags)), own).id
        for lun, size in enumerate(spec.data_disks)
    }


def _disk(spec: VmSpec, lun: int, size: int, tags: Mapping[str, str], options: ResourceOptions) -> azure.compute.Disk:
    name = spec.disk_name(lun)
    return azure.compute.Disk(
        name,
        resource_group_name=spec.resource_group,
        disk_name=name,
        location=spec.location,
        zones=[spec.zone] if spec.zone else None,
        sku=azure.compute.DiskSkuArgs(name=spec.data_disk_type),
        creation_data=azure.compute.CreationDataArgs(create_option="Empty"),
        disk_size_gb=size,
        disk_iops_read_write=spec.data_disk_iops,
        disk_m_bps_read_write=spec.data_disk_mbps,
        tags=tags,
        opts=options,
    )
