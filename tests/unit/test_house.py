"""The architecture: who imports whom, where the code sleeps, how long files are."""

import ast
import re

import pytest

from tests.house import LAYERS, ROOT, WORLDS, arrows, circles, file_arrows, house, importers, storey, within

LONGEST_FILE = 250


def test_all_modules_are_checked() -> None:
    """A test that finds no module finds no fault either."""
    expected = {"vmops", "vmops.jobs.store", "vmops.engine.stack", "vmops.local.daemon", "vmops.stacks.vm"}
    assert expected <= house().keys()


def test_each_package_has_one_layer() -> None:
    """The list has each top-level module and subpackage once, and nothing else."""
    rooms = [room for rooms in LAYERS for room in rooms]
    assert sorted(rooms) == sorted({module.room for module in house().values()} - {""})


def test_imports_go_to_lower_layers_only() -> None:
    """Including those within functions and for types."""
    climbing = [sorted(who) for (room, used), who in arrows().items() if storey(used) >= storey(room)]
    assert climbing == []


def test_there_are_no_import_cycles() -> None:
    """A cycle works only in one order of imports."""
    assert circles(file_arrows(house())) == []


def test_the_search_finds_an_import_cycle() -> None:
    """And leaves out modules that only depend on it."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]


def test_only_polling_sleeps() -> None:
    """So every wait has a deadline. A sleep of 0 waits for nothing: it lets other tasks run."""
    calls = [
        f"{name}:{node.lineno}"
        for name, module in house().items()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "sleep"
        if ast.unparse(node.args[0]) != "0"
    ]
    assert [call.partition(":")[0] for call in calls] == ["vmops.core.polling"], f"it sleeps at {calls}"


@pytest.mark.parametrize("world", WORLDS)
def test_each_external_library_has_its_importers(world: str) -> None:
    """So a change of the library is handled in one place."""
    assert importers(world), f"nobody imports {world}"
    assert [name for name in importers(world) if not within(name, WORLDS[world])] == []


def test_the_map_in_the_docs_shows_the_layers() -> None:
    """The map in the docs has a line for each layer, from the top down, with the packages of that layer."""
    text = (ROOT / "docs/architecture.md").read_text()
    drawn = re.findall(
        r"^ *\d+ +((?:[a-z_]+/? ?(?:· )?)+?) {2,}", text.partition("```")[2].partition("```")[0], re.MULTILINE
    )
    assert [tuple(re.findall(r"[a-z_]+", line)) for line in drawn] == list(reversed(LAYERS))


def test_no_file_is_too_long() -> None:
    """A longer file has more than one topic."""
    lengths = {name: len(module.source.splitlines()) for name, module in house().items()}
    offenders = {name: length for name, length in lengths.items() if length > LONGEST_FILE}
    assert offenders == {}, f"longer than {LONGEST_FILE} lines: {offenders}"
