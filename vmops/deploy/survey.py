"""What is there before a deployment: what is another's and only used, where it is, and whether the VM is ours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vmops.azure.cleanup import list_stack_in
from vmops.azure.client import Arm
from vmops.azure.ownership import Claim, require_owned, require_owned_stack, stack_of
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.deploy.sight import Body, Sight
from vmops.spec.vm_spec import VmSpec


@dataclass(frozen=True)
class Preflight:
    """What is there before a deployment: the roles that are another's and only used, the location, and our VM.

    ``ours``: something of the VM is there. ``seen`` is what was looked at, by its id in lower case.
    """

    uses: frozenset[str]
    location: str
    machine: Mapping[str, Any] | None = None
    ours: bool = False
    seen: Mapping[str, Body | None] = field(default_factory=dict, compare=False)


def preflight(arm: Arm, spec: VmSpec, owner: str) -> Preflight:
    """Look at what exists before a deployment.

    A named group, network, subnet or security group that exists without our tag is used, never changed. Whose a subnet
    is, its network tells.

    Raises: OperationFailed if the VM is another's, if a value cannot be changed on it, or if no location is known.
    """
    sight = Sight(arm)
    group = sight.get(spec.group_id)
    location = spec.location or (group or {}).get("location")
    if not location:
        raise OperationFailed(
            Failure(FailureKind.INVALID, f"location: needed, because the resource group {spec.resource_group} is new")
        )
    if group is None:
        return Preflight(frozenset(), location, seen=sight.seen)
    uses = {"group"} if stack_of(group) != spec.stack else set()
    uses.update(_used(sight, spec))
    machine = sight.get(spec.vm_id)
    ours = [] if machine else list_stack_in(arm, group, spec.stack)
    claim = Claim(spec.stack, owner)
    if machine is None:
        require_owned_stack(ours, claim)
    else:
        require_owned(machine, claim)
        _refuse_immutable(machine, spec)
    return Preflight(frozenset(uses), location, machine, bool(machine or ours), sight.seen)


def refuse_anew_for_key(machine: Mapping[str, Any], spec: VmSpec) -> None:
    """Check that a VM of ours is not made anew for a key that nobody asked for: one that this host made, or would make.

    Raises: OperationFailed (immutable), saying how the VM's own key is given.
    """
    key = spec.admin_password_or_key
    if spec.credential_is_given or (key and _words(key.get_secret_value()) in map(_words, _keys(machine))):
        return
    message = "adminPasswordOrKey: none is given, and the VM has another key or password than this host made for it"
    files = f"keys/ssh/{spec.stack} and keys/ssh/{spec.stack}.pub"
    step = f"give adminPasswordOrKey, or copy {files}, below VMOPS_STATE_DIR, from the host that made it"
    raise OperationFailed(Failure(FailureKind.IMMUTABLE, message, resource=str(machine["id"]), step=step))


def _keys(machine: Mapping[str, Any]) -> Iterable[str]:
    """Give the public keys that a VM was made with. Source: ARM, Microsoft.Compute virtualMachines, osProfile."""
    linux = machine["properties"].get("osProfile", {}).get("linuxConfiguration", {})
    return [str(key.get("keyData", "")) for key in linux.get("ssh", {}).get("publicKeys", ())]


def _words(public_key: str) -> list[str]:
    """Give the kind and the value of a public key, without what it is called."""
    return public_key.split()[:2]


def _used(arm: Sight, spec: VmSpec) -> Iterable[str]:
    """Name the roles that the user named and that exist as somebody else's."""
    ids = spec.ids()
    for role in sorted(spec.named_roles & {"network", "security_group"}):
        resource = arm.get(ids[role])
        if resource is not None and stack_of(resource) != spec.stack:
            yield role
            if role == "network" and arm.get(ids["subnet"]) is not None:
                yield "subnet"


def _refuse_immutable(machine: Mapping[str, Any], spec: VmSpec) -> None:
    """Check that the spec asks for no change that neither ARM nor a replacement can make.

    Raises: OperationFailed (immutable), naming the parameter and both values.
    """
    properties = machine["properties"]
    pairs = {
        "location": (machine.get("location"), spec.location or machine.get("location")),
        "zone": (next(iter(machine.get("zones") or ()), None), spec.zone),
        "priority": (properties.get("priority") or "Regular", spec.priority),
    }
    for name, (there, asked) in pairs.items():
        if there != asked:
            message = f"{name}: the VM has {there or 'none'} and cannot be changed to {asked or 'none'}"
            raise OperationFailed(Failure(FailureKind.IMMUTABLE, message, resource=str(machine["id"])))
