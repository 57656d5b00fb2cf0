"""The basic parameters of a VM: size, image, login, network, disks and tags."""

from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field, PlainSerializer, SecretStr

from vmops.spec.parts.attachment import Attachment
from vmops.spec.rules import hardware, login, naming, network, related, values
from vmops.spec.rules.images import Image
from vmops.spec.target import choice, derived_default

Authentication = Literal["sshPublicKey", "password"]
DiskType = Literal["Premium_LRS", "StandardSSD_LRS", "Standard_LRS"]
Priority = Literal["Regular", "Spot"]


class Machine(Attachment):
    """A VM described by its everyday parameters. Disk sizes are GiB."""

    location: Annotated[str | None, BeforeValidator(related.location)] = derived_default()
    vm_size: Annotated[str, BeforeValidator(hardware.vm_size)] = "Standard_B2s"
    image: Annotated[Image, BeforeValidator(related.image), PlainSerializer(str)] = Field(
        default=None,
        validate_default=True,
        validation_alias=AliasChoices("image", "ubuntuOSVersion"),
        serialization_alias="image",
    )
    admin_username: Annotated[str, BeforeValidator(login.admin_name)] = "mlos"
    authentication_type: Annotated[Authentication, choice(Authentication)] = "sshPublicKey"
    admin_password_or_key: Annotated[SecretStr | None, BeforeValidator(related.credential)] = derived_default()
    virtual_network_name: Annotated[str, BeforeValidator(related.named("network"))] = derived_default()
    subnet_name: Annotated[str, BeforeValidator(related.named("subnet"))] = derived_default()
    network_security_group_name: Annotated[str, BeforeValidator(related.named("security_group"))] = derived_default()
    address_prefix: Annotated[str, BeforeValidator(network.network)] = "10.0.0.0/16"
    subnet_prefix: Annotated[str, BeforeValidator(related.subnet_prefix)] = derived_default()
    vm_ports: Annotated[tuple[int, ...], BeforeValidator(network.ports)] = (22,)
    source_address_prefixes: Annotated[tuple[str, ...], BeforeValidator(related.sources)] = derived_default()
    public_ip: Annotated[bool, BeforeValidator(values.boolean)] = True
    dns_label_prefix: Annotated[str | None, BeforeValidator(related.dns_label)] = None
    custom_data: Annotated[SecretStr | None, BeforeValidator(login.custom_data)] = None
    os_disk_size_gb: Annotated[int | None, BeforeValidator(hardware.os_disk_size)] = Field(None, alias="osDiskSizeGB")
    os_disk_type: Annotated[DiskType, choice(DiskType)] = "StandardSSD_LRS"
    data_disks: Annotated[tuple[int, ...], BeforeValidator(hardware.data_disks)] = ()
    zone: Annotated[str | None, BeforeValidator(hardware.zone)] = None
    priority: Annotated[Priority, choice(Priority)] = "Regular"
    max_price: Annotated[float | None, BeforeValidator(related.max_price)] = None
    eviction_policy: Annotated[str | None, BeforeValidator(related.eviction_policy)] = derived_default()
    tags: Annotated[dict[str, str], BeforeValidator(naming.tags)] = Field(default_factory=dict)
