"""The present VMs of a fleet, from Azure's lists and from the last request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vmops.azure import guests, machines
from vmops.azure.client import Arm
from vmops.azure.machines import ListedMachine
from vmops.core import keys
from vmops.core.failures import Failure, FailureKind
from vmops.core.settings import Settings
from vmops.jobs.operation import Operation, Verb
from vmops.jobs.store import Store
from vmops.ops import spent
from vmops.ops.prices import Prices
from vmops.spec import fleet, names
from vmops.spec.target import Target
from vmops.ssh.way_in import PORT, ssh_command


@dataclass(frozen=True)
class Members:
    """The VMs of fleets; ``arm`` connects to the cloud of one."""

    settings: Settings
    store: Store
    arm: Callable[[Target], Arm]

    def take(self, target: Target) -> dict[str, Any]:
        """Describe the VMs of a fleet; empty if the target is not known to be one.

        ``asked`` and ``ready`` are numbers of VMs, ``members`` the existing VMs, ``missing`` the others with their
        reasons, and ``spentSoFar`` is the cost of the existing VMs. Raises: CloudError if ARM refuses a list.
        """
        last = asked_for(self.store, target)
        found = machines.members(self.arm(target), target.identity)
        count = int(last.given.get("vmCount") or 0) if last else 0
        if not (count or found):
            return {}
        there = {number: each for each in found if (number := target.identity.member(each.resource["id"])) is not None}
        describe = self._describer(target)
        rows = [describe(number, each) for number, each in there.items()]
        run = [number for number, each in there.items() if each.running]
        wanted = fleet.wanted(max(count, len(there)), sorted(there), ())
        missing = [self._missing(target, number, there.get(number), last) for number in wanted if number not in run]
        cost = spent.of_all(each["spentSoFar"] for each in rows)
        return {
            "asked": count or len(there),
            "ready": len(run),
            "members": rows,
            "missing": missing,
            "spentSoFar": cost,
        }

    def _describer(self, target: Target) -> Callable[[int, ListedMachine], dict[str, Any]]:
        """Give the function that describes one VM; it reads once what all VMs share."""
        guest_of, prices = guests.guests(self.arm(target)), Prices(self.settings.state_dir)
        life, key = self.store.life(target.stack), keys.existing_ssh_key_file(self.settings.state_dir, target.stack)

        def describe(number: int, seen: ListedMachine) -> dict[str, Any]:
            resource, guest = seen.resource, guest_of(seen.resource["id"])
            size, priority = resource["properties"].get("hardwareProfile", {}).get("vmSize"), _priority(resource)
            host, port = guest.host or seen.public_ip or seen.private_ip, guest.port or PORT
            user = guest.user or resource["properties"].get("osProfile", {}).get("adminUsername", "")
            price = prices.as_json(target.cloud, resource.get("location"), size, priority)["pricePerHour"]
            return {
                "name": resource["name"],
                "member": number,
                "id": resource["id"],
                "vmSize": size,
                "location": resource.get("location"),
                "zone": next(iter(resource.get("zones") or ()), None),
                "priority": priority,
                "pricePerHour": price,
                "spentSoFar": spent.so_far(resource, seen.power, price, life),
                "publicIp": seen.public_ip or None,
                "privateIp": seen.private_ip or None,
                "sshHost": host or None,
                "sshPort": port,
                "ssh": ssh_command(host, port, user, key) if host else None,
                "power": seen.power or None,
            }

        return describe

    def _missing(
        self, target: Target, number: int, seen: ListedMachine | None, last: Operation | None
    ) -> dict[str, Any]:
        recorded = next((dict(each) for each in _recorded_missing(last) if each["member"] == number), None)
        if recorded and seen is None:
            return recorded
        what = f"the VM is {seen.power or seen.provisioning}" if seen else "the VM does not exist"
        why = Failure(FailureKind.CONFLICT if seen else FailureKind.NOT_FOUND, what, step="provision it again")
        name = names.member_name(target.vm_name, number)
        reason = {"kind": str(why.kind), "code": why.code, "message": why.message, "nextStep": why.next_step}
        return {"name": name, "member": number, **reason}


def asked_for(store: Store, target: Target) -> Operation | None:
    """Give the newest provision of a VM or a fleet since its last removal; None if this host has no record of one."""
    return next((each for each in store.life(target.stack) if each.verb is Verb.PROVISION), None)


def _recorded_missing(last: Operation | None) -> list[Mapping[str, Any]]:
    return list(last.outputs.get("missing", ())) if last else []


def _priority(resource: Mapping[str, Any]) -> str:
    return str(resource["properties"].get("priority") or "Regular")
