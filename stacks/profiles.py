"""The operating system's profile and the storage profile of a VM."""

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi_azure_native as azure
from pulumi import Input, Output

from vmops.core.errors import SpecError
from vmops.spec import custom_data, names
from vmops.spec.rules import images
from vmops.spec.rules.storage import PLACEMENTS
from vmops.spec.vm_spec import VmSpec


def os_profile(spec: VmSpec) -> azure.compute.OSProfileArgs:
    """Declare the login and the custom data; passwords and custom data are secrets of the stack.

    Raises: SpecError if the spec has neither a password nor a key, and the VM's does not stay.
    """
    if not spec.credential_is_given and spec.admin_password_or_key is None:
        raise SpecError("adminPasswordOrKey: is required to declare a VM")
    credential = spec.admin_password_or_key.get_secret_value() if spec.admin_password_or_key else None
    by_password = spec.authentication_type == "password"
    return azure.compute.OSProfileArgs(
        computer_name=names.computer_name(spec.machine_name),
        admin_username=spec.admin_username,
        admin_password=Output.secret(credential) if by_password and credential else None,
        custom_data=_encoded(spec.custom_data.get_secret_value()) if spec.custom_data else None,
        linux_configuration=azure.compute.LinuxConfigurationArgs(
            disable_password_authentication=not by_password,
            ssh=_authorized(spec.admin_username, credential) if credential and not by_password else None,
        ),
    )


def _encoded(content: str) -> Output[str]:
    return Output.secret(custom_data.encoded(content))


def _authorized(user: str, public_key: str) -> azure.compute.SshConfigurationArgs:
    key = azure.compute.SshPublicKeyArgs(path=f"/home/{user}/.ssh/authorized_keys", key_data=public_key)
    return azure.compute.SshConfigurationArgs(public_keys=[key])


def storage_profile(
    spec: VmSpec,
    foreign: Iterable[Mapping[str, Any]] = (),
    attached: Mapping[int, str] = {},
    separate: Mapping[int, Input[str]] = {},
) -> azure.compute.StorageProfileArgs:
    """Declare the image and the disks of the VM; our disks are deleted with it, ``foreign`` ones stay.

    ``attached`` are the ids, by lun, of existing data disks of ours, which are attached instead of created. Those in
    ``separate`` are declared separately, and outlive the VM.

    Source: compute REST reference, OSDisk.deleteOption and DataDisk.deleteOption, whose default is Detach.
    """
    return azure.compute.StorageProfileArgs(
        image_reference=_image_reference(spec),
        os_disk=_os_disk(spec),
        disk_controller_type=spec.disk_controller_type,
        data_disks=[
            *(_separate_disk(spec, lun, disk_id) for lun, disk_id in separate.items()),
            *(
                _data_disk(spec, lun, size, attached.get(lun))
                for lun, size in enumerate(spec.data_disks)
                if lun not in separate
            ),
            *map(_kept, foreign),
        ],
    )


def _os_disk(spec: VmSpec) -> azure.compute.OSDiskArgs:
    """Declare the system disk. An ephemeral one has no name and no type, and only supports the caching ReadOnly.

    Source: Azure documentation, ephemeral OS disks, template.
    """
    compute = azure.compute
    if not spec.ephemeral_os_disk:
        return compute.OSDiskArgs(
            name=spec.name_of("os_disk"),
            create_option="FromImage",
            delete_option="Delete",
            caching=_caching(spec.os_disk_caching),
            disk_size_gb=spec.os_disk_size_gb,
            managed_disk=compute.ManagedDiskParametersArgs(storage_account_type=spec.os_disk_type),
        )
    return compute.OSDiskArgs(
        create_option="FromImage",
        delete_option="Delete",
        caching=_caching("ReadOnly"),
        disk_size_gb=spec.os_disk_size_gb,
        diff_disk_settings=compute.DiffDiskSettingsArgs(option="Local", placement=PLACEMENTS[spec.ephemeral_os_disk]),
    )


def _caching(word: str | None) -> azure.compute.CachingTypes | None:
    return azure.compute.CachingTypes(word) if word else None


def _image_reference(spec: VmSpec) -> azure.compute.ImageReferenceArgs:
    if spec.image_id:
        community = images.is_community(spec.image_id)
        return azure.compute.ImageReferenceArgs(
            id=None if community else spec.image_id, community_gallery_image_id=spec.image_id if community else None
        )
    return azure.compute.ImageReferenceArgs(
        publisher=spec.image.publisher, offer=spec.image.offer, sku=spec.image.sku, version=spec.image.version
    )


def plan(spec: VmSpec) -> azure.compute.PlanArgs | None:
    """Give the purchase plan of the image, if it has one."""
    publisher, product, name = spec.plan.split(":") if spec.plan else ("", "", "")
    return azure.compute.PlanArgs(publisher=publisher, product=product, name=name) if spec.plan else None


def _data_disk(spec: VmSpec, lun: int, size: int, attached: str | None) -> azure.compute.DataDiskArgs:
    return azure.compute.DataDiskArgs(
        name=spec.disk_name(lun),
        lun=lun,
        create_option="Attach" if attached else "Empty",
        delete_option="Delete",
        caching=_caching(spec.data_disk_caching),
        disk_size_gb=size,
        managed_disk=azure.compute.ManagedDiskParametersArgs(
            id=attached, storage_account_type=None if attached else spec.data_disk_type or spec.os_disk_type
        ),
    )


def _separate_disk(spec: VmSpec, lun: int, disk_id: Input[str]) -> azure.compute.DataDiskArgs:
    return azure.compute.DataDiskArgs(
        name=spec.disk_name(lun),
        lun=lun,
        create_option="Attach",
        delete_option="Detach",
        caching=_caching(spec.data_disk_caching),
        managed_disk=azure.compute.ManagedDiskParametersArgs(id=disk_id),
    )


def _kept(disk: Mapping[str, Any]) -> azure.compute.DataDiskArgs:
    """Declare a disk that others have attached, unchanged; it outlives the VM."""
    return azure.compute.DataDiskArgs(
        name=disk.get("name"),
        lun=disk["lun"],
        create_option="Attach",
        delete_option="Detach",
        caching=disk.get("caching"),
        write_accelerator_enabled=disk.get("writeAcceleratorEnabled"),
        managed_disk=azure.compute.ManagedDiskParametersArgs(id=disk["managedDisk"]["id"]),
    )
