"""Which members of a fleet run, and why the others do not, from a constant number of reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vmops.azure import guests, machines, power
from vmops.azure.client import Arm
from vmops.azure.guests import Guest
from vmops.azure.machines import ListedMachine
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.deploy import readiness
from vmops.spec import names
from vmops.spec.vm_spec import VmSpec

Refused = Mapping[str, Failure]
"""Failures by the name of the refused resource; the one under '' is for all members without a failure of their own."""


@dataclass(frozen=True)
class Outcome:
    """The outputs of each running member, and why each of the others does not run, by number.

    ``moves`` says which members were tried elsewhere before: from where, to where, and after which refusal.
    """

    members: Sequence[VmSpec]
    running: Mapping[int, Mapping[str, Any]]
    missing: Mapping[int, Failure]
    moves: Sequence[Mapping[str, Any]] = ()

    def failure(self, enough: int) -> Failure:
        """Give the failure that too few members run, with the reason of the first that does not."""
        number, why = min(self.missing.items())
        name = next(each.machine_name for each in self.members if each.member == number)
        message = f"{len(self.running)} of {len(self.members)} VMs run, {enough} are needed; {name}: {why.message}"
        return replace(why, message=message, step=why.next_step)

    def outputs(self) -> dict[str, Any]:
        """Give the outputs of the deployment."""
        first = self.members[0]
        by_number = {each.member: each.machine_name for each in self.members}
        return {
            "name": first.vm_name,
            "resourceGroup": first.resource_group,
            "location": next((each["location"] for each in self.running.values()), first.location),
            "adminUsername": first.admin_username,
            "vmSize": first.vm_size,
            "zone": first.zone,
            "priority": first.priority,
            "asked": len(self.members),
            "ready": len(self.running),
            "members": list(self.running.values()),
            "missing": [_missing(by_number[number], number, why) for number, why in self.missing.items()],
            "moves": list(self.moves),
        }


def ensure_running(arm: Arm, members: Sequence[VmSpec], refused: Refused) -> Outcome:
    """Find which members run, and start those that are stopped.

    Raises: CloudError if ARM refuses a read.
    """
    found = _settled(arm, members, refused)
    stopped = [each for each in members if (seen := found.get(each.vm_id.lower())) and seen.stopped]
    failed = dict(refused) | _started(arm, stopped)
    found = _settled(arm, members, failed) if stopped else found
    guest_of = guests.guests(arm)
    running: dict[int, Mapping[str, Any]] = {}
    missing: dict[int, Failure] = {}
    for each in members:
        number, seen = each.member or 0, found.get(each.vm_id.lower())
        found_out = (
            _account(arm, each, seen, guest_of(each.vm_id)) if seen and seen.running else _why(each, seen, failed)
        )
        if isinstance(found_out, Failure):
            missing[number] = found_out
        else:
            running[number] = found_out
    return Outcome(members, running, missing)


def _settled(arm: Arm, members: Sequence[VmSpec], refused: Refused) -> Mapping[str, ListedMachine]:
    """List members by id in lower case once no change of any is in progress, or the deployment's time has passed."""
    ids = {each.vm_id.lower() for each in members}
    unknown = readiness.reread_pauses(arm)
    last: dict[str, ListedMachine] = {}

    def once() -> bool | NotYet:
        listed = machines.list_machines(arm, members[0].subscription, lambda each: each["id"].lower() in ids)
        last.clear()
        last.update({each.resource["id"].lower(): each for each in listed})
        if len(last) < len(ids) and not refused and (later := next(unknown, None)):
            return later
        return NotYet(members[0].poll_interval) if any(each.changing for each in listed) else True

    poll_until(once, timeout=members[0].deploy_timeout)
    return last


def _started(arm: Arm, stopped: Sequence[VmSpec]) -> dict[str, Failure]:
    """Start all stopped members at once; give the failures by name."""
    requests = {each.vm_id: readiness.begin(arm, each, power.Action.START) for each in stopped}
    ended = {each.vm_id: readiness.end(arm, each, requests[each.vm_id]) for each in stopped}
    return {names.in_words(vm_id): why for vm_id, why in ended.items() if why}


def _why(member: VmSpec, seen: ListedMachine | None, refused: Refused) -> Failure:
    """Give why a member does not run: a refusal of it or of one of its resources, else its present state."""
    own = [names.in_words(arm_id) for role, arm_id in member.ids().items() if role in ("vm", "nic", "address")]
    if refusal := next((refused[each] for each in own if each in refused), None):
        return refusal
    if seen and seen.provisioning == "failed":
        return Failure(FailureKind.CAPACITY, "the VM's provisioning state is Failed", resource=member.vm_id)
    if "" in refused:
        return refused[""]
    gone = "the VM is gone" if seen is None else "the VM does not run"
    return Failure(FailureKind.TIMEOUT if seen else FailureKind.NOT_FOUND, gone, resource=member.vm_id)


def _account(arm: Arm, member: VmSpec, seen: ListedMachine, guest: Guest) -> dict[str, Any] | Failure:
    """Give the outputs of a running member; a failure if its SSH is waited for and does not answer."""
    resource = seen.resource
    addresses = {"publicIp": seen.public_ip or None, "privateIp": seen.private_ip or None}
    try:
        ssh = readiness.ssh_of(arm, member, addresses, guest)
    except OperationFailed as error:
        return error.failure
    return {
        "name": resource["name"],
        "member": member.member,
        "id": resource["id"],
        "vmSize": resource["properties"].get("hardwareProfile", {}).get("vmSize"),
        "location": resource.get("location"),
        "zone": next(iter(resource.get("zones") or ()), None),
        "priority": resource["properties"].get("priority") or "Regular",
        **addresses,
        **ssh,
        "power": seen.power,
    }


def _missing(name: str, number: int, why: Failure) -> dict[str, Any]:
    reason = {"kind": str(why.kind), "code": why.code, "message": why.message, "nextStep": why.next_step}
    return {"name": name, "member": number, **reason}
