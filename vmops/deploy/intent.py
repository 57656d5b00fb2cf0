"""What a deployment declares: the spec in the spelling of existing resources, and the parts that others have added."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from vmops.azure.client import Arm
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.deploy import acceleration, clashes, foreign_parts, placed, secrets, spelled_ids, spelling, survey
from vmops.deploy.context import DeployContext
from vmops.deploy.own_image import as_made
from vmops.deploy.survey import Preflight
from vmops.engine.reconcile import declared, subnets
from vmops.spec import names
from vmops.spec.foreign import ForeignParts
from vmops.spec.kept import Kept
from vmops.spec.vm_spec import VmSpec

State = Callable[[], Mapping[str, Any] | None]
"""Reads the engine's state of the stack, as the engine exports it."""


@dataclass(frozen=True)
class Intent:
    """A spec, its external roles, which are only used, and the parts that others have added to our resources.

    ``attached`` are the ids, by lun, of existing data disks of ours that are only to be attached.
    """

    spec: VmSpec
    external: frozenset[str]
    foreign: ForeignParts
    attached: Mapping[int, str] = field(default_factory=dict)

    @property
    def kept(self) -> list[str]:
        """Describe what is not ours and stays."""
        return foreign_parts.described(self.spec, self.foreign)

    @property
    def outputs(self) -> dict[str, list[str]]:
        """Give the same as outputs of the deployment."""
        return {"notOurs": [f"{each}: kept" for each in self.kept]} if self.kept else {}


def staying(made: Intent, before: Preflight, *, expires: bool, never_ran: bool) -> Kept:
    """Give the properties of a VM that stay unchanged; with ``expires``, also the tag with its time of expiry.

    The zones of its public address are those of the existing one. ``never_ran``: the VM is known never to have run.
    """
    location = (before.inventory.group or {}).get("location")
    address = before.bodies(made.spec, ours=True).get("address")
    zones = None if address is None else tuple(address.get("zones") or ())
    return Kept(secrets.kept(made.spec, before.machine), made.attached, expires, location, zones, never_ran)


def reader(context: DeployContext, *, known: bool) -> State:
    """Give a function that reads the engine's state, at most once. ``known``: the backend may know the stack."""
    return cache(context.stack.state if known else lambda: None)


def form(context: DeployContext, spec: VmSpec, before: Preflight, *, known: bool, state: State | None = None) -> Intent:
    """Determine what to declare, including secrets that the request does not repeat; nothing is changed.

    ``known``: the backend may know the stack. Its ``state`` is read only if ARM does not return the spelling of a name,
    if the spec has an id of an external resource, or if a part exists that is neither declared nor ours by its name.

    Raises: OperationFailed (conflict), naming what others have added that conflicts; (invalid) if an external subnet is
    to have our security group, or naming secrets that are lost; CloudError if ARM refuses.
    """
    state = state or reader(context, known=known)
    spec = placed.named_as(before.machine, spec)
    spec = _as_it_exists(spec, before, state)
    ours = {role: body for role, body in before.bodies(spec, ours=True).items() if role not in before.external}
    spec = acceleration.decided(context.arm, spec, ours.get("nic"), before.location)
    if spec.has_separate_disks and before.machine:
        ours |= _held_disks(context.arm, spec)
    foreign = foreign_parts.find(spec, ours, declared.OwnParts())
    if foreign:
        foreign = foreign_parts.find(spec, ours, declared.last(state()))
    clashes.refuse(context.arm, spec, foreign)
    external = _used(spec, before, state)
    complete = secrets.restored(context, spec, before.machine, known=known)
    made = Intent(complete, external, foreign, _attached(spec, ours))
    if made.kept:
        get_logger().info("not_ours", kept=made.kept)
    return made


def _as_it_exists(spec: VmSpec, before: Preflight, state: State) -> VmSpec:
    """Give the spec with the names, ids and image of existing resources in their present spelling."""
    places = [spelling.in_arm(before.bodies(spec))]
    if not spelling.are_all_known(spec, places[0]):
        places.append(spelling.in_state(state()))
    spec = as_made(before.machine, spelling.respelled(spec, *places))
    return spelled_ids.respelled(spec, state()) if spelled_ids.are_named(spec) else spec


def _used(spec: VmSpec, before: Preflight, state: State) -> frozenset[str]:
    """Give the external roles; a subnet in an external network may be ours.

    Raises: OperationFailed (invalid) if an external subnet is to have our security group.
    """
    external = before.external
    if "subnet" in external and subnets.is_ours(state(), names.urn_key(spec.ids()["subnet"])):
        external -= {"subnet"}
    if "subnet" in external and spec.network_security_group_on in ("subnet", "both"):
        message = f"networkSecurityGroupOn: {spec.ids()['subnet']} belongs to another, and is not changed"
        raise OperationFailed(Failure(FailureKind.INVALID, message, resource=spec.vm_id))
    return external


def _held_disks(arm: Arm, spec: VmSpec) -> dict[str, Mapping[str, Any]]:
    """Read the data disks that are declared separately and attached to the VM, which the VM itself does not show."""
    found = {role: arm.get(arm_id) for role, arm_id in spec.ids().items() if role.startswith("data_disk_")}
    held = spec.vm_id.lower()
    return {role: body for role, body in found.items() if body and str(body.get("managedBy")).lower() == held}


def _attached(spec: VmSpec, bodies: Mapping[str, Mapping[str, Any]]) -> dict[int, str]:
    """Find data disks of ours that were detached, or attached again: they must be attached, not created.

    Azure does not change the option of an attached disk either. Source: recorded refusal "Disk … already exists. Only
    CreateOption.Attach is supported".
    """
    if spec.has_separate_disks:
        return {}
    there = survey.data_disks(bodies["vm"]) if "vm" in bodies else {}
    found = {}
    for lun, _ in enumerate(spec.data_disks):
        disk, loose = there.get(lun, {}), bodies.get(f"data_disk_{lun}")
        name = str(disk.get("name", "")).lower()
        if disk.get("createOption") == "Attach" and name == spec.disk_name(lun).lower():
            found[lun] = str(disk["managedDisk"]["id"])
        elif loose and not disk:
            found[lun] = str(loose["id"])
    return found
