"""The places of a VM, what it is close to, and where its console is stored."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, PrivateAttr

from vmops.spec import names
from vmops.spec.parts.machine import Machine
from vmops.spec.rules import placement, places, values
from vmops.spec.rules.places import Lists
from vmops.spec.target import choice

Prefer = Literal["order", "price"]

_REGION, _MOVES = "region", "moves"
"""Keys of the wire form for a VM outside its first location, and for one with several places."""


class Placement(Machine):
    """A proximity placement group by its id; ``boot_diagnostics`` is true, false, or the URL of a storage account.

    Size, location, zone and priority are the VM's place: the first of each list, until `at` chooses another.
    """

    proximity_placement_group: Annotated[str | None, BeforeValidator(placement.proximity)] = None
    boot_diagnostics: Annotated[str | None, BeforeValidator(placement.boot_diagnostics)] = None
    prefer: Annotated[Prefer, choice(Prefer)] = "order"
    _lists: Lists = PrivateAttr(default_factory=dict)
    _spreads: bool = PrivateAttr(default=False)
    _region: str = PrivateAttr(default="")
    _moves: frozenset[str] = PrivateAttr(default=frozenset())

    @classmethod
    def checked(
        cls, parameters: Mapping[str, object], problems: Sequence[str] = (), context: Mapping[str, Any] = {}
    ) -> Self:
        """Validate parameters. Size, location, zone and priority may be lists. Raises: SpecError."""
        lists, wrong = places.read(parameters)
        words = {**parameters, **{name: next(iter(found), None) for name, found in lists.items()}}
        given = {name: value for name, value in words.items() if value is not None}
        wrong += places.together(lists, given)
        spec = super().checked(given, [*problems, *wrong], {**context, "lists": lists})
        spec._lists = {name: found for name, found in lists.items() if len(found) > 1}
        spec._spreads = places.spreads(parameters)
        spec._region = str(parameters.get(_REGION, ""))
        spec._moves = frozenset(map(str, values.items(parameters.get(_MOVES, ()))))
        return spec

    @property
    def lists(self) -> Lists:
        """Size, location, zone and priority by parameter name, if more than one was given."""
        return self._lists

    @property
    def spreads(self) -> bool:
        """Whether the members of a fleet have each zone in turn."""
        return self._spreads

    @property
    def region(self) -> str:
        """The location, if it is not the first of the given ones; else ''.

        Resources there have other names than in the first location, because an interface stays reserved for a while.
        """
        return self._region

    @property
    def moves(self) -> frozenset[str]:
        """The names of those of size, location, zone and priority that may change for this VM."""
        return self._moves

    def at(self, vm_size: str, location: str | None, zone: str | None, priority: str, home: str | None) -> Self:
        """Return the same spec in one place. In the location ``home``, names have no suffix."""
        region = "" if location == home else str(location)
        bid = {} if priority == "Spot" else {"max_price": None, "eviction_policy": None}
        place = {"vm_size": vm_size, "location": location, "zone": zone, "priority": priority, **bid}
        placed = self.model_copy(update={**place, **self._own_names(region)})
        placed._lists, placed._spreads, placed._region = {}, False, region
        placed._moves = self._moves | self._lists.keys()
        return placed

    def name_of(self, role: str) -> str:
        """Return the default name of a network, subnet, security_group, address, nic or os_disk.

        All members of a fleet share the first three.
        """
        shared = role in names.FIELDS
        return names.default_name(role, self.vm_name if shared else self.machine_name, self._region)

    def disk_name(self, lun: int) -> str:
        """Return the name of the data disk at a logical unit number."""
        return names.data_disk(self.machine_name, lun, self._region)

    @property
    def named_roles(self) -> frozenset[str]:
        """The roles among network, subnet and security_group that the user named, so that other VMs may share them."""
        chosen = {role: str(getattr(self, field)) for role, field in names.FIELDS.items()}
        return frozenset(role for role, name in chosen.items() if name.lower() != self.name_of(role).lower())

    def _own_names(self, region: str) -> dict[str, str]:
        """Give the fields with the names of resources that the user did not name, in a region."""
        own = names.FIELDS.keys() - self.named_roles
        return {names.FIELDS[role]: names.default_name(role, self.vm_name, region) for role in own}

    def to_wire(self) -> dict[str, Any]:
        """Return the parameters as JSON values; lists stay as they were given."""
        lists: dict[str, Any] = {name: list(found) for name, found in self._lists.items()}
        lists |= {"zone": places.SPREAD} if self._spreads else {}
        where: dict[str, Any] = {_REGION: self._region, _MOVES: sorted(self._moves)}
        return super().to_wire() | lists | {name: value for name, value in where.items() if value}
