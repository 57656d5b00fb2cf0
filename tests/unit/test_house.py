"""The architecture, held over the source itself: who may import whom, where it sleeps, how long a file is."""

import ast
import re

import pytest

from tests.house import LAYERS, ROOT, WORLDS, arrows, circles, file_arrows, house, importers, storey, within

LONGEST_FILE = 250


def test_the_whole_house_is_looked_at() -> None:
    """A test that finds no module finds no fault either."""
    expected = {"vmops", "vmops.jobs.store", "vmops.engine.stack", "vmops.local.daemon", "vmops.stacks.vm"}
    assert expected <= house().keys()


def test_every_room_has_its_storey() -> None:
    """What lies at the top of the package is in the list, once, and nothing else is."""
    rooms = [room for rooms in LAYERS for room in rooms]
    assert sorted(rooms) == sorted({module.room for module in house().values()} - {""})


def test_imports_go_to_lower_storeys_only() -> None:
    """Arrows go down, those within functions and those for types only too."""
    climbing = [sorted(who) for (room, used), who in arrows().items() if storey(used) >= storey(room)]
    assert climbing == []


def test_no_files_import_each_other_in_a_circle() -> None:
    """A circle works by the order of imports, until somebody imports the other end first."""
    assert circles(file_arrows(house())) == []


def test_a_circle_would_be_found() -> None:
    """The search knows a circle of three, and leaves out what only hangs on it."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]


def test_there_is_one_sleep() -> None:
    """Every wait has a deadline, because there is one loop that waits."""
    calls = [
        f"{name}:{node.lineno}"
        for name, module in house().items()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "sleep"
    ]
    assert [call.partition(":")[0] for call in calls] == ["vmops.core.polling"], f"it sleeps at {calls}"


@pytest.mark.parametrize("world", WORLDS)
def test_each_outside_world_has_its_importers(world: str) -> None:
    """What a world does differently tomorrow is mended in one place."""
    assert importers(world), f"nobody imports {world}"
    assert [name for name in importers(world) if not within(name, WORLDS[world])] == []


def test_the_map_shows_the_storeys_as_they_are() -> None:
    """The map in the docs has a line for each storey, from the top down, with the rooms of that storey."""
    text = (ROOT / "docs/architecture.md").read_text()
    drawn = re.findall(
        r"^ *\d+ +((?:[a-z_]+/? ?(?:· )?)+?) {2,}", text.partition("```")[2].partition("```")[0], re.MULTILINE
    )
    assert [tuple(re.findall(r"[a-z_]+", line)) for line in drawn] == list(reversed(LAYERS))


def test_no_file_hides_a_second_noun() -> None:
    """A file that outgrows this has more than one thing in it."""
    lengths = {name: len(module.source.splitlines()) for name, module in house().items()}
    offenders = {name: length for name, length in lengths.items() if length > LONGEST_FILE}
    assert offenders == {}, f"longer than {LONGEST_FILE} lines: {offenders}"
