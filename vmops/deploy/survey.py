"""The preflight of a deployment: which resources are external, the location, and whether the VM is ours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vmops.azure import inventory
from vmops.azure.client import Arm
from vmops.azure.inventory import Inventory
from vmops.azure.ownership import Claim, fleet_of, is_another_owners, kind_of, refusal
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.deploy import fixed, own_image, used_network
from vmops.spec.vm_spec import VmSpec


@dataclass(frozen=True)
class Preflight:
    """What exists before a deployment: the external roles, which are only used, the location, and our VM.

    ``inventory`` is everything that was found.
    """

    external: frozenset[str]
    location: str
    machine: Mapping[str, Any] | None = None
    inventory: Inventory = field(default_factory=Inventory, compare=False)

    @property
    def machines(self) -> tuple[Mapping[str, Any], ...]:
        """Give our VM, if it exists."""
        return (self.machine,) if self.machine else ()

    def bodies(self, spec: VmSpec, *, ours: bool = False) -> dict[str, Mapping[str, Any]]:
        """Give what exists by role; with ``ours``, only what is ours. A subnet has no tags and is never included."""
        found = {each["id"].lower(): each for each in (self.inventory.ours if ours else self.inventory.all)}
        if self.inventory.group and (self.inventory.group_is_ours or not ours):
            found[spec.group_id.lower()] = self.inventory.group
        return {role: found[arm_id.lower()] for role, arm_id in spec.ids().items() if arm_id.lower() in found}

    def ours(self, spec: VmSpec) -> set[str]:
        """Give the roles of existing resources of ours; a subnet counts if our network contains it."""
        found = self.bodies(spec, ours=True)
        subnets = found.get("network", {}).get("properties", {}).get("subnets", ())
        held = any(each.get("id", "").lower() == spec.ids()["subnet"].lower() for each in subnets)
        return {*found, *({"subnet"} if held else ())}

    def not_ours(self, spec: VmSpec) -> list[str]:
        """List the ids that are neither ours nor used. They must leave the engine's state, or it would delete them."""
        used = {spec.ids()[role].lower() for role in self.external}
        found = (*self.inventory.others, *self.inventory.unproven)
        return [each["id"] for each in found if each["id"].lower() not in used]


def preflight(arm: Arm, spec: VmSpec, claim: Claim, *, never_ran: bool = False) -> Preflight:
    """Survey what exists before a deployment.

    A named group, network, subnet or security group that exists without our tag is external: used, never changed. A
    subnet belongs to the owner of its network. Recorded resources that are not found and were not seen to be gone are
    searched for in every way. A VM that ``never_ran`` may move to another place of its spec.

    Raises: OperationFailed (conflict) if anything under the VM's own names belongs to another or is unproven,
    (immutable) if a value cannot be changed on the VM, (invalid) if no location is known.
    """
    seen = read(arm, claim)
    _refuse_fleet(seen, spec)
    return of_machine(arm, spec, claim, of_shared(arm, spec, seen), never_ran=never_ran)


def _refuse_fleet(seen: Inventory, spec: VmSpec) -> None:
    """Check that a single VM does not have the name of a fleet. Raises: OperationFailed (immutable)."""
    if any(map(fleet_of, seen.ours)):
        message = "vmCount: this is a fleet, not a single VM"
        raise OperationFailed(Failure(FailureKind.IMMUTABLE, message, resource=spec.vm_id))


def read(arm: Arm, claim: Claim) -> Inventory:
    """Read what exists; recorded resources that are not found are searched for in every way."""
    seen = inventory.read(arm, claim)
    if seen.unread or (seen.group is None and any(claim.made.values())):
        return inventory.cross_check(arm, claim, seen)
    return seen


def of_shared(arm: Arm, spec: VmSpec, seen: Inventory) -> Preflight:
    """Survey what all VMs of the group share: its location, and the external resources.

    Raises: OperationFailed (invalid) if no location is known.
    """
    location = used_network.location(arm, spec) or spec.location or (seen.group or {}).get("location")
    if not location:
        raise OperationFailed(
            Failure(FailureKind.INVALID, f"location: needed, because the resource group {spec.resource_group} is new")
        )
    if seen.group is None and not seen.all:
        return Preflight(frozenset(), location, inventory=seen)
    external = set() if seen.group_is_ours else {"group"}
    return Preflight(frozenset(external.union(_used(arm, spec, seen))), location, inventory=seen)


def of_machine(arm: Arm, spec: VmSpec, claim: Claim, shared: Preflight, *, never_ran: bool = False) -> Preflight:
    """Survey one VM, given the survey of what it shares.

    Raises: OperationFailed, as `preflight`.
    """
    seen = shared.inventory
    _refuse_not_ours(seen, spec, claim, shared.external)
    machine = seen.find(spec.vm_id)
    if machine is None or own_image.is_another(machine, spec):
        own_image.refuse_misfit(arm, spec, shared.location)
    if machine:
        fixed.refuse_change(spec, machine, seen.find(spec.ids()["nic"]), never_ran=never_ran)
    else:
        _refuse_elsewhere(seen.ours, spec, shared.location)
    return replace(shared, machine=machine)


def _refuse_elsewhere(ours: Iterable[Mapping[str, Any]], spec: VmSpec, location: str) -> None:
    """Check that the VM's existing resources are in the VM's location, because none can be moved.

    Raises: OperationFailed (immutable), naming the parameter and both values.
    """
    wanted = {arm_id.lower() for arm_id in spec.own_ids()}
    for resource in ours:
        pairs: dict[str, tuple[str | None, str | None]] = {"location": (resource.get("location"), location)}
        if kind_of(resource) == "publicipaddresses":
            asked = None if "zone" in spec.moves else spec.zone
            pairs["zone"] = (next(iter(resource.get("zones") or ()), None), asked)
        for name, (there, candidates) in pairs.items():
            if resource["id"].lower() in wanted and there != candidates:
                message = (
                    f"{name}: {resource['name']} has {there or 'none'} and cannot be changed to {candidates or 'none'}"
                )
                raise OperationFailed(Failure(FailureKind.IMMUTABLE, message, resource=str(resource["id"])))


def without_checks(seen: Inventory, spec: VmSpec) -> Preflight:
    """Give a preflight of what was found, without checks: all that is not ours counts as external."""
    machine = seen.find(spec.vm_id)
    found = Preflight(frozenset(), "", machine if machine in seen.ours else None, seen)
    ours = found.bodies(spec, ours=True).keys()
    return replace(found, external=frozenset((found.bodies(spec).keys() | spec.named_roles) - ours))


def _refuse_not_ours(seen: Inventory, spec: VmSpec, claim: Claim, external: frozenset[str]) -> None:
    """Check that nothing to be made or changed belongs to another, nor anything with our stack's tag."""
    wanted = {arm_id.lower() for arm_id in spec.own_ids(external)}
    for resource in (*seen.others, *seen.unproven):
        if resource["id"].lower() in wanted or is_another_owners(resource, claim):
            raise OperationFailed(refusal(resource, claim))


def refuse_anew_for_key(machine: Mapping[str, Any], spec: VmSpec) -> None:
    """Check that a VM is not replaced only because this host has made, or would make, another key than the VM has.

    Raises: OperationFailed (immutable), saying how to give the VM's own key.
    """
    if spec.credential_is_given or has_key(machine, spec):
        return
    message = "adminPasswordOrKey: none is given, and the VM has another key or password than this host made for it"
    files = f"keys/ssh/{spec.stack} and keys/ssh/{spec.stack}.pub"
    step = f"give adminPasswordOrKey, or copy {files}, below VMOPS_STATE_DIR, from the host that made it"
    raise OperationFailed(Failure(FailureKind.IMMUTABLE, message, resource=str(machine["id"]), step=step))


def data_disks(machine: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    """Give the data disks of a VM by lun, whoever attached them."""
    return {disk["lun"]: disk for disk in machine["properties"].get("storageProfile", {}).get("dataDisks") or ()}


def has_key(machine: Mapping[str, Any], spec: VmSpec) -> bool:
    """Tell whether a VM has the public key of a spec; with a password login, whether the spec has none."""
    key = spec.admin_password_or_key if spec.authentication_type == "sshPublicKey" else None
    keys = [_words(each) for each in _keys(machine)]
    return _words(key.get_secret_value()) in keys if key else not keys


def _keys(machine: Mapping[str, Any]) -> Iterable[str]:
    """Give the public keys of a VM. Source: ARM, Microsoft.Compute virtualMachines, osProfile."""
    linux = machine["properties"].get("osProfile", {}).get("linuxConfiguration", {})
    return [str(key.get("keyData", "")) for key in linux.get("ssh", {}).get("publicKeys", ())]


def _words(public_key: str) -> list[str]:
    """Give the kind and the value of a public key, without its comment."""
    return public_key.split()[:2]


def _used(arm: Arm, spec: VmSpec, seen: Inventory) -> Iterable[str]:
    """Name the roles that the user named and that belong to others."""
    ids = spec.ids()
    there = {resource["id"].lower() for resource in seen.contents or ()} - {each["id"].lower() for each in seen.ours}
    for role in sorted(spec.named_roles & {"network", "security_group"}):
        if ids[role].lower() in there:
            yield role
            if role == "network" and arm.get(ids["subnet"]) is not None:
                yield "subnet"
