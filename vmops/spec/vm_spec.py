"""The flat parameters of a VM, typed, validated and frozen.

    WaitOptions    the cloud, and how to wait: all that is needed to poll a handle
    └── Target     which VM: all that is needed to find it, stop it or remove it
        └── VmSpec its properties: all that is needed to make it, by topic in `vmops.spec.parts`

An attribute has the parameter's name in snake_case. The names of all resources are derived here, and nowhere else.
"""

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, PrivateAttr, SecretStr

from vmops.core.settings import PositiveSeconds
from vmops.protocol import HANDLE
from vmops.spec import custom_data, lock_file, names, unknown
from vmops.spec.parts.interface import Interface
from vmops.spec.parts.placement import Placement
from vmops.spec.parts.protection import Protection
from vmops.spec.parts.source import Source
from vmops.spec.parts.storage import Storage
from vmops.spec.rules import money
from vmops.spec.target import choice, merge_params

WaitFor = Literal["running", "ssh"]

# Parameters that may change without a deployment: how to wait, and what happens to the VM later.
_NOT_DESIRED = frozenset(
    {"asyncResultsUrl", "pollInterval", "pollTimeout", "deployTimeout", "requestTimeout"}
    | {"ttl", "maxHourlyPrice", "budget", "prefer", "stopMode", "waitFor", "keepGroup", "member"}
)
# Parameters that are in the digest even at their defaults. Later ones are left out at their defaults, which are
# constants (None, if the value depends on other parameters), so that no existing digest changes.
_ALWAYS = frozenset(
    {"cloud", "subscription", "resourceGroup", "vmName", "location", "vmSize", "image", "adminUsername"}
    | {"authenticationType", "adminPasswordOrKey", "virtualNetworkName", "subnetName", "networkSecurityGroupName"}
    | {"addressPrefix", "subnetPrefix", "vmPorts", "sourceAddressPrefixes", "publicIp", "dnsLabelPrefix", "customData"}
    | {"osDiskSizeGB", "osDiskType", "dataDisks", "zone", "priority", "maxPrice", "evictionPolicy", "tags"}
)
_KEY_IS_MADE, _KEPT = "keyIsMade", "kept"
"""Keys of the wire form that are not parameters: whether vmops made the SSH key, and which secrets stay unchanged."""

# Source: resource-name-rules: names are compared without case.
_NAMES = frozenset(
    {"vmName", "resourceGroup", "virtualNetworkName", "subnetName", "networkSecurityGroupName"}
    | {"subnetId", "imageId", "proximityPlacementGroup"}
)
_LISTS_OF_NAMES = frozenset({"managedIdentity"})
_ALTERNATIVES = {"image": "ubuntuOSVersion", "customData": "customDataFile"}
"""Parameters, each with the parameter that may be given instead."""
EXCLUSIVE = (
    *_ALTERNATIVES.items(),
    ("imageId", "image"),
    ("imageId", "ubuntuOSVersion"),
    ("vmCount", "dnsLabelPrefix"),
    ("vmCount", "privateIpAddress"),
    *(("subnetId", name) for name in ("virtualNetworkName", "subnetName", "addressPrefix", "subnetPrefix")),
)
"""Pairs of parameters that exclude each other."""


class VmSpec(Placement, Storage, Interface, Protection, Source):
    """The specification of a VM, with the name of every resource."""

    ttl: PositiveSeconds | None = None
    max_hourly_price: Annotated[float | None, BeforeValidator(money.dollars)] = None
    budget: Annotated[float | None, BeforeValidator(money.dollars)] = None
    wait_for: Annotated[WaitFor, choice(WaitFor)] = "running"
    _key_is_made: bool = PrivateAttr(default=False)
    _kept: frozenset[str] = PrivateAttr(default=frozenset())

    @classmethod
    def from_params(
        cls, params: Mapping[str, object], defaults: Mapping[str, object] = {}, kept: Collection[str] = ()
    ) -> Self:
        """Read all parameters of a deployment; ``params`` take precedence over ``defaults``, and None means not given.

        Unknown parameters are ignored and logged once, except those that would change the VM: these are refused.
        ``member`` is ignored, because a fleet is deployed as a whole. ``kept`` are the secrets that stay unchanged on
        the existing VM.

        Raises: SpecError, with one sentence for every parameter that breaks a rule. It never contains a secret.
        """
        unknown.warn(params, cls.parameters())
        pinned, sealed = lock_file.applied(params)
        kept = frozenset({*kept, *sealed})
        wanted = {name: value for name, value in merge_params(pinned, defaults).items() if name != "member"}
        problems = [f"{a}: cannot be given together with {b}" for a, b in EXCLUSIVE if a in wanted and b in wanted]
        if "customDataFile" in wanted and "customData" not in wanted:
            try:
                wanted["customData"] = custom_data.read(wanted.pop("customDataFile"))
            except ValueError as error:
                problems.append(f"customDataFile: {error}")
        spec = cls.checked(wanted, problems, {"kept": kept})
        spec._kept = kept
        return spec

    @classmethod
    def parameters(cls) -> frozenset[str]:
        """Return the names of all parameters."""
        fields = {field.serialization_alias or name for name, field in cls.model_fields.items()}
        return frozenset(fields.union(*EXCLUSIVE, {lock_file.PARAMETER}))

    def priorities(self) -> dict[int, int]:
        """Return the priority of each port's security rule."""
        return {port: names.FIRST_PRIORITY + rank for rank, port in enumerate(self.vm_ports)}

    @property
    def security_group_id(self) -> str:
        """The ARM id of the security group."""
        return self.identity.resource_id("security_group", self.network_security_group_name)

    def ids(self) -> dict[str, str]:
        """Return the ARM id of every resource of the spec, by role; without a network if an existing one is used."""
        resource = self.identity.resource_id
        network_id = resource("network", self.virtual_network_name)
        ids = {
            "group": self.group_id,
            "network": network_id,
            "subnet": f"{network_id}/subnets/{self.subnet_name}",
            "security_group": self.security_group_id,
            "address": resource("address", self.name_of("address")),
            "nic": resource("nic", self.name_of("nic")),
            "vm": self.vm_id,
            "os_disk": resource("disk", self.name_of("os_disk")),
        }
        for lun, _ in enumerate(self.data_disks):
            ids[f"data_disk_{lun}"] = resource("disk", self.disk_name(lun))
        wanted = {"address": self.public_ip, "network": not self.subnet_id, "subnet": not self.subnet_id}
        wanted["os_disk"] = not self.ephemeral_os_disk
        return {role: arm_id for role, arm_id in ids.items() if wanted.get(role, True)}

    def shared_ids(self) -> frozenset[str]:
        """Return the ARM ids of the resources that the user named, including the group: other VMs may share them."""
        ids = self.ids()
        return frozenset(ids[role] for role in self.named_roles | ({"group"} if self.named_group else frozenset()))

    def urn_keys(self, external: frozenset[str] = frozenset()) -> dict[str, str]:
        """Return the ARM id of every resource that a stack declares, by the end of its URN, ``TYPE::NAME``.

        ``external`` are the roles that are not declared because another owns the resource.
        """
        separate = "data_disk_" if self.has_separate_disks else None
        declared = {
            role: arm_id
            for role, arm_id in self.ids().items()
            if role not in external and (role in names.TOKENS or (separate and role.startswith(separate)))
        }
        return {names.urn_key(arm_id): arm_id for arm_id in declared.values()}

    def own_ids(self, external: frozenset[str] = frozenset()) -> list[str]:
        """Return the ARM id of every resource that the VM owns or shares, except its group and its subnet.

        ``external`` are the roles whose resource another owns.
        """
        return [arm_id for role, arm_id in self.ids().items() if role not in external | {"group", "subnet"}]

    def unwanted(self) -> dict[str, str]:
        """Return the ids of resources that the VM may have had before and must not have now: its public address."""
        address = self.identity.resource_id("address", self.name_of("address"))
        return {} if self.public_ip else {names.urn_key(address): address}

    def canonical(self) -> bytes:
        """Return the desired spec, including secrets, in a canonical form: equal specs have equal forms."""
        chosen = self.model_dump(by_alias=True, exclude_defaults=True).keys() - _NOT_DESIRED
        desired = {name: value for name, value in self.comparable().items() if name in _ALWAYS | chosen}
        return json.dumps(desired, sort_keys=True, separators=(",", ":")).encode()

    def comparable(self) -> dict[str, Any]:
        """Return the wire form with names in lower case, because ARM compares them without case."""
        wire = self.to_wire()
        wire |= {name: wire[name].lower() for name in _NAMES & wire.keys()}
        return wire | {name: [each.lower() for each in wire[name]] for name in _LISTS_OF_NAMES & wire.keys()}

    def digest(self, key: bytes) -> str:
        """Return the HMAC-SHA256 of the desired spec, in hexadecimal. Without the key it reveals no secret."""
        return hmac.new(key, self.canonical(), hashlib.sha256).hexdigest()

    @property
    def credential_is_given(self) -> bool:
        """Whether a password or key was given, or stays; False if vmops made the key, or will make it."""
        return "adminPasswordOrKey" in self._kept or (self.admin_password_or_key is not None and not self._key_is_made)

    @property
    def kept(self) -> frozenset[str]:
        """The secret parameters that were not repeated and stay as they are on the existing VM."""
        return self._kept

    @property
    def secrets(self) -> dict[str, SecretStr]:
        """The secrets that were given. A public key is not a secret."""
        password = self.admin_password_or_key if self.authentication_type == "password" else None
        found = {"adminPasswordOrKey": password, "customData": self.custom_data}
        return {name: secret for name, secret in found.items() if secret is not None}

    def clear(self, params: Mapping[str, object]) -> dict[str, Any]:
        """Return the given parameters as JSON values, without secrets.

        Those that stand for another one (``ubuntuOSVersion``, ``customDataFile``) stay text.
        """
        wire = {name: value for name, value in self.to_wire().items() if name not in {HANDLE, *self.secrets}}
        return {name: wire.get(name, str(params[name])) for name in params if name in {*wire, *_ALTERNATIVES.values()}}

    def with_key(self, public_key: str) -> Self:
        """Return the same spec with an SSH public key that was made because none was given."""
        return self.from_wire({**self.to_wire(), "adminPasswordOrKey": public_key, _KEY_IS_MADE: True})

    def with_secrets(self, secrets: Mapping[str, str]) -> Self:
        """Return the same spec with the values of secrets that stay."""
        return self.from_wire({**self.to_wire(), **secrets, _KEPT: sorted(self._kept - secrets.keys())})

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Reverse ``to_wire``."""
        kept = frozenset(wire.get(_KEPT, ()))
        spec = cls.checked(wire, (), {"kept": kept})
        spec._key_is_made, spec._kept = bool(wire.get(_KEY_IS_MADE)), kept
        return spec

    def to_wire(self) -> dict[str, Any]:
        """Return the parameters as JSON values, secrets included, for a pipe to a process that needs them."""
        secrets = {"adminPasswordOrKey": self.admin_password_or_key, "customData": self.custom_data}
        clear = {name: secret.get_secret_value() for name, secret in secrets.items() if secret is not None}
        made = {_KEY_IS_MADE: True} if self._key_is_made else {}
        return super().to_wire() | clear | made | ({_KEPT: sorted(self._kept)} if self._kept else {})
