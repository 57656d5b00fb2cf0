"""Refuses a provision that conflicts with something that others have added, before anything is written."""

from collections.abc import Iterator, Mapping

from vmops.azure.client import Arm
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.deploy.foreign_parts import described, lies_in_group
from vmops.spec import names
from vmops.spec.foreign import ForeignParts
from vmops.spec.rules.naming import MAX_TAGS, MAX_USER_TAGS
from vmops.spec.vm_spec import VmSpec

Clash = tuple[str, str, str]
"""The role of a resource, what conflicts there, and what to do about it."""


def refuse(arm: Arm, spec: VmSpec, foreign: ForeignParts) -> None:
    """Check that what others have added does not conflict with what the spec asks for.

    Raises: OperationFailed (conflict), naming the first conflict; CloudError if ARM refuses a read.
    """
    for role, what, step in _clashes(arm, spec, foreign):
        raise OperationFailed(Failure(FailureKind.CONFLICT, what, resource=spec.ids()[role], step=step))


def _clashes(arm: Arm, spec: VmSpec, foreign: ForeignParts) -> Iterator[Clash]:
    yield from _of_rules(spec, foreign)
    yield from _of_disks(spec, foreign)
    yield from _of_tags(spec, foreign)
    if foreign.disks:
        yield from _too_many_disks(spec, foreign, arm.disks_of_sizes(spec.vm_id))


def _of_rules(spec: VmSpec, foreign: ForeignParts) -> Iterator[Clash]:
    """Compare rules by name, and by priority if inbound. Source: network REST reference, SecurityRule.priority."""
    wanted = {names.rule(port): priority for port, priority in spec.priorities().items()}
    step = "give that rule another name or priority, or remove it, or change vmPorts"
    for rule in foreign.rules:
        says = rule["properties"]
        inbound, what = says.get("direction", "").lower() == "inbound", _of_others(spec, ForeignParts(rules=(rule,)))
        if rule["name"].lower() in wanted:
            yield "security_group", f"{what} has the name of a rule that vmPorts asks for", step
        if inbound and says.get("priority") in wanted.values():
            yield "security_group", f"{what} has priority {says['priority']}, which a rule for vmPorts needs", step


def _of_disks(spec: VmSpec, foreign: ForeignParts) -> Iterator[Clash]:
    wanted = {spec.disk_name(lun).lower() for lun, _ in enumerate(spec.data_disks)}
    for disk in foreign.disks:
        what = _of_others(spec, ForeignParts(disks=(disk,)))
        if disk["lun"] < len(spec.data_disks):
            step = f"attach that disk at lun {len(spec.data_disks)} or above, or detach it, or change dataDisks"
            yield "vm", f"{what} is attached at a lun of dataDisks", step
        elif str(disk.get("name")).lower() in wanted and lies_in_group(spec, disk):
            yield "vm", f"{what} has the name of a disk of dataDisks", "detach that disk, or change dataDisks"


def _of_tags(spec: VmSpec, foreign: ForeignParts) -> Iterator[Clash]:
    wanted = {name.lower(): value for name, value in spec.tags.items()}
    for role, found in foreign.tags.items():
        for name, value in found.items():
            if name.lower() in wanted:
                what = _of_others(spec, ForeignParts(tags={role: {name: value}}))
                message = f"{what} is {value!r}, and tags asks for {wanted[name.lower()]!r}"
                yield role, message, "remove that tag, or leave it out of tags"
        if (over := len(found) + len(spec.tags) - MAX_USER_TAGS) > 0:
            message = f"{MAX_TAGS + over} tags, {len(found)} of them of others, are more than {MAX_TAGS}"
            yield role, message, "remove some of them, or ask for fewer tags"


def _too_many_disks(spec: VmSpec, foreign: ForeignParts, borne: Mapping[str, int]) -> Iterator[Clash]:
    count, most = len(spec.data_disks) + len(foreign.disks), borne.get(spec.vm_size.lower())
    if most is not None and count > most:
        message = (
            f"{count} data disks, {len(foreign.disks)} of them of others, are more than {spec.vm_size} bears: {most}"
        )
        yield "vm", message, "detach some of them, or choose another size"


def _of_others(spec: VmSpec, part: ForeignParts) -> str:
    return f"{described(spec, part)[0]}, which is not ours,"
