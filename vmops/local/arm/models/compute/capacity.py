"""The capacity for machines: unlimited, unless a limit is set for a size, a location, a zone or a priority.

A machine takes capacity when it is created or started, and returns it when it is deallocated or deleted. Without
capacity its operation fails at its end, as on Azure. Source: Microsoft's page on allocation failures.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator

from vmops.local.arm.data.locations import LOCATIONS, canonical
from vmops.local.arm.data.sizes import SIZES
from vmops.local.arm.refusals.faults import COMPUTE
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.wire.lists import read_list, rule_of

_KIND = "capacity"
_OFF = (None, "deallocated")


class Room(BaseModel):
    """Capacity for a number of further machines of a size; None matches anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: str
    location: str | None = None
    zone: str | None = None
    priority: Literal["Regular", "Spot"] | None = None
    left: Annotated[int, Field(ge=0)]

    @field_validator("size")
    @classmethod
    def _known_size(cls, value: str) -> str:
        if value.lower() not in SIZES:
            raise ValueError("there is no such size")
        return SIZES[value.lower()].name

    @field_validator("location")
    @classmethod
    def _known_location(cls, value: str | None) -> str | None:
        if value is not None and canonical(value) not in LOCATIONS:
            raise ValueError("there is no such location")
        return None if value is None else canonical(value)

    def takes(self, place: Json) -> bool:
        """Tell whether the capacity counts for a machine at a place."""
        mine = self.model_dump(exclude={"left"}, exclude_none=True)
        return all(place[name] == value for name, value in mine.items())


_ROOMS = TypeAdapter(list[Room])


def read_rooms(plain: object) -> list[Room]:
    """Read a list of capacities; raises ``SpecError`` that says which field of which one is wrong, and why."""
    return read_list(
        _ROOMS, plain, "capacity", lambda where, wrong: f"{where}: {wrong['input']!r} is wrong: {rule_of(wrong)}"
    )


def list_rooms(cloud: Cloud) -> list[Json]:
    """Give the capacities as JSON, with what is left in each now."""
    return [plain for _, plain in cloud.store.documents.of_kind(_KIND)]


def put_rooms(cloud: Cloud, rooms: Sequence[Room]) -> None:
    """Replace all capacities. Running machines go on; later they return capacity where they match then."""
    with cloud.store.transaction():
        cloud.store.documents.replace(_KIND, (room.model_dump() for room in rooms))


def take_room(cloud: Cloud, machine: Resource) -> Json | None:
    """Take capacity for a machine in its place, in exchange for what it has; return the failure if there is none."""
    held, place = machine.hidden.get("place"), _place_of(machine)
    if held == place:
        return None
    rooms = _rooms_for(cloud, place)
    if any(room.left == 0 for _, room in rooms):
        code = "ZonalAllocationFailed" if place["zone"] else "AllocationFailed"
        return {"code": code, "message": COMPUTE[code][1]}
    give_back(cloud, machine)
    machine.hidden["place"] = place
    _change(cloud, rooms, -1)
    return None


def give_back(cloud: Cloud, machine: Resource) -> None:
    """Return the capacity of a machine, if it has any."""
    held = machine.hidden.pop("place", None)
    if held:
        _change(cloud, _rooms_for(cloud, held), +1)


def settle_room(cloud: Cloud, machine: Resource) -> None:
    """Return the capacity of a machine that has reached a state without need for it."""
    if machine.hidden["power"] in _OFF:
        give_back(cloud, machine)


def _rooms_for(cloud: Cloud, place: Json) -> list[tuple[str, Room]]:
    rooms = [(key, Room.model_validate(plain)) for key, plain in cloud.store.documents.of_kind(_KIND)]
    return [(key, room) for key, room in rooms if room.takes(place)]


def _change(cloud: Cloud, rooms: list[tuple[str, Room]], by: int) -> None:
    for key, room in rooms:
        cloud.store.documents.put(_KIND, key, room.model_dump() | {"left": room.left + by})


def _place_of(machine: Resource) -> Json:
    return {
        "size": machine.properties["hardwareProfile"]["vmSize"],
        "location": machine.location,
        "zone": next(iter(machine.body.get("zones", [])), None),
        "priority": machine.properties.get("priority", "Regular"),
    }
