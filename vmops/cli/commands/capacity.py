"""``vmops local capacity``: limit the capacity of the local Azure for VMs, so that it runs out as Azure's does."""

from typing import Annotated, Any

import typer

from vmops.cli import console
from vmops.cli.commands.fault import Json
from vmops.core.errors import SpecError
from vmops.core.settings import Settings
from vmops.core.state_dir import local_home
from vmops.local import inspection

_WHERE = ("size", "location", "zone", "priority")

Size = Annotated[str | None, typer.Argument(metavar="[SIZE]", help="The size; without it the limits are listed.")]
Left = Annotated[int | None, typer.Argument(metavar="[LEFT]", min=0, help="How many more VMs of this size have room.")]
Location = Annotated[str | None, typer.Option(metavar="L", help="Only in this location; default: in all together.")]
Zone = Annotated[
    str | None, typer.Option(metavar="Z", help="Only in this zone; default: all VMs, also those in no zone.")
]
Priority = Annotated[str | None, typer.Option(metavar="Regular|Spot", help="Only VMs of this priority; default: both.")]
Clear = Annotated[bool, typer.Option("--clear", help="Remove all limits first, before SIZE and LEFT if given.")]


def capacity(
    size: Size = None,
    left: Left = None,
    location: Location = None,
    zone: Zone = None,
    priority: Priority = None,
    clear: Clear = False,
    as_json: Json = False,
) -> None:
    """Set how many more VMs of a size have room; limits for other sizes stay.

    A create or start without room fails when its operation ends, with AllocationFailed, in a zone with
    ZonalAllocationFailed. A VM that is deallocated or deleted frees its room.
    """
    if (size is None) != (left is None) or (size is None and (location or zone or priority)):
        raise SpecError("SIZE and LEFT: both are needed for a limit, as in Standard_D4s_v5 0")
    state_dir = local_home(Settings().state_dir)
    found = inspection.listed(state_dir, "capacity")
    if size is not None or (clear and found):
        room = {"size": size, "location": location, "zone": zone, "priority": priority, "left": left}
        kept = [] if clear else [each for each in found if not _same(each, room)]
        found = inspection.ask(state_dir, "PUT", "capacity", [*kept, *([room] if size is not None else [])])
    _show(found, as_json=as_json)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two limits are for the same VMs; case and spaces do not matter."""
    return all(_plain(one[name]) == _plain(other[name]) for name in _WHERE)


def _plain(value: str | None) -> str:
    return (value or "").replace(" ", "").lower()


def _show(rooms: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        console.print_json(rooms)
    elif rooms:
        names = [*_WHERE, "left"]
        rows = [[str(each[name]) if each[name] is not None else "any" for name in names] for each in rooms]
        console.columns([name.upper() for name in names], rows)
    else:
        console.out.print("no limits")
