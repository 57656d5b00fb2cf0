"""Lists VMs as Azure reports them now, completed from this host's records."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.clouds import portal_link
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.azure.inventory import made_at
from vmops.azure.machines import ListedMachine, Resource, list_machines
from vmops.azure.ownership import fleet_of, owner_of, stack_of
from vmops.azure.price_book import Price
from vmops.core import times
from vmops.core.errors import CloudError
from vmops.core.failures import Failure
from vmops.jobs.operation import Operation
from vmops.ops import spent
from vmops.ops.selection import selects
from vmops.ops.standing import MISSING, NO_MORE, PROVISIONED, by_record, standing
from vmops.protocol import Params
from vmops.spec.names import EXPIRES_TAG, Identity

Row = dict[str, Any]

Place = tuple[str, str]
"""A cloud and a subscription in it."""


@dataclass(frozen=True)
class Listing:
    """VMs, sorted by name. ``unread`` says which queries of Azure failed; without any, the list is ``live``.

    A row has what Azure reports of a VM, and None for unknown values. ``hidden`` counts removed VMs that are left out.
    Each ``member`` of a fleet has its own row, with its number and the fleet's name.
    """

    vms: list[Row]
    unread: list[Failure] = field(default_factory=list)
    hidden: int = 0

    @property
    def live(self) -> bool:
        """Tell whether Azure has answered all queries."""
        return not self.unread

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain JSON."""
        return {"live": self.live, "vms": self.vms}


@dataclass(frozen=True)
class Lister:
    """Lists the VMs that the parameters ``which`` select, of one owner, or of all if ``owner`` is ''.

    ``records`` are this host's newest deployments of these VMs, by stack. ``life`` gives the deployments of a stack
    since its last removal, the newest first. ``price`` gives the price of a size in a location at a priority.
    """

    which: Params
    owner: str
    records: Mapping[str, Operation]
    life: Callable[[str], list[Operation]]
    price: Callable[[str, str | None, str | None, str | None], Price | None]

    def take(self, arms: Mapping[Place, Callable[[], Arm]], *, gone: bool) -> Listing:
        """Query each place through its connection; with ``gone``, removed VMs are rows too."""
        found: list[Row] = []
        unread: dict[Place, Failure] = {}
        for place, connect in arms.items():
            try:
                found += self._live(place, connect())
            except CloudError as error:
                unread[place] = failure_from_cloud_error(error)
        shown_stacks = {row["stack"] for row in found}
        others = [
            each for each in self.records.values() if each.stack not in shown_stacks and self._is_of_owner(each.owner)
        ]
        listed = arms.keys() - unread.keys()
        rows = [*found, *(_recorded(each, listed=_place(each) in listed) for each in others)]
        shown = [row for row in rows if gone or row["standing"] not in NO_MORE]
        ordered = sorted(shown, key=lambda row: (str(row["vmName"]), row["member"] or 0))
        return Listing(ordered, [*unread.values()], len(rows) - len(shown))

    def _is_of_owner(self, owner: str | None) -> bool:
        return self.owner in ("", owner)

    def _live(self, place: Place, arm: Arm) -> Iterator[Row]:
        for machine in list_machines(arm, place[1], lambda each: self._is_wanted(place, each)):
            yield self._row(_identity(place, machine.resource), machine)

    def _is_wanted(self, place: Place, resource: Resource) -> bool:
        """Tell whether a VM is selected by the parameters, has vmops' own tags, and is the owner's."""
        identity = _identity(place, resource)
        ours = stack_of(resource) == identity.stack and self._is_of_owner(owner_of(resource))
        return ours and selects(self.which, identity)

    def _row(self, identity: Identity, machine: ListedMachine) -> Row:
        resource, record = machine.resource, self.records.get(identity.stack)
        properties, tags = resource["properties"], resource.get("tags") or {}
        expires = max(
            times.parse_utc(tags[EXPIRES_TAG]) if EXPIRES_TAG in tags else 0.0, record.expires if record else 0.0
        )
        size, priority = properties.get("hardwareProfile", {}).get("vmSize"), properties.get("priority") or "Regular"
        price, life = self.price(identity.cloud, resource.get("location"), size, priority), self.life(identity.stack)
        return {
            **_which(identity),
            "location": resource.get("location"),
            "zone": next(iter(resource.get("zones") or ()), None),
            "vmSize": size,
            "priority": priority,
            "power": machine.power or None,
            "standing": standing(life, machine.provisioning),
            "publicIp": machine.public_ip or None,
            "privateIp": machine.private_ip or None,
            "owner": owner_of(resource),
            **_times(made_at(resource) or (record.created if record else 0.0), expires),
            "member": identity.member(resource["id"]) if fleet_of(resource) else None,
            "pricePerHour": price and price.per_hour,
            "spentSoFar": spent.so_far(resource, machine.power, price.per_hour if price else None, life),
            "portal": portal_link(identity.cloud, resource["id"]),
        }


def _identity(place: Place, resource: Resource) -> Identity:
    """Give the identity of a VM; for a member, that of its fleet."""
    return Identity(*place, resource["id"].split("/")[4], fleet_of(resource) or resource["name"])


def _place(record: Operation) -> Place:
    return record.cloud, record.subscription


def _recorded(record: Operation, *, listed: bool) -> Row:
    """Give the row of a VM from its record alone: Azure was not read, or (``listed``) does not list the VM."""
    given, outputs = record.given, record.outputs
    return {
        **_which(record.identity),
        "location": given.get("location"),
        "zone": given.get("zone"),
        "vmSize": given.get("vmSize"),
        "priority": given.get("priority"),
        "power": None,
        "standing": MISSING if listed and by_record(record) == PROVISIONED else by_record(record),
        "publicIp": outputs.get("publicIp"),
        "privateIp": outputs.get("privateIp"),
        "owner": record.owner,
        **_times(record.created, record.expires),
        "member": None,
        "pricePerHour": None,
        "spentSoFar": None,
        "portal": portal_link(record.cloud, record.identity.vm_id),
    }


def _which(identity: Identity) -> Row:
    return {"vmName": identity.vm_name, "stack": identity.stack, **identity.params}


def _times(created: float, expires: float) -> Row:
    ends = times.utc_or_none(expires)
    return {
        "created": created or None,
        "createdAt": times.utc_or_none(created),
        "expires": expires if ends else None,
        "expiresAt": ends,
    }
