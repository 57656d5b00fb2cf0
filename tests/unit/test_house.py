"""The architecture, held over the source itself: who may import whom, where it sleeps, how long a file is."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORLDS = {
    "azure": ["vmops.connection"],
    "mlos_bench": ["vmops.mlos"],
    "pulumi.automation": ["vmops.engine"],
    "sqlite3": ["vmops.database", "vmops.local.arm.store"],
}
PURE = ["protocol", "waiting", "errors", "failures", "operation", "names", "rules", "target", "spec"]
TEARDOWN = ["vmops.teardown", "vmops.lease", "vmops.hold", "vmops.vm", "vmops.sweep"]
DOORS = ["vmops.cli", "vmops.demo", "vmops.mlos", *TEARDOWN]
LONGEST_FILE = 250


@dataclass(frozen=True)
class Module:
    """One module of the package: its name, its source, and all the names that it imports, from modules too."""

    name: str
    source: str
    tree: ast.Module
    imports: frozenset[str]

    def reaches(self, world: str) -> bool:
        return any(within(name, [world]) for name in self.imports)


def read(path: Path) -> Module:
    """Read a module; ``stacks`` lies inside the package once that is installed."""
    steps = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(step for step in steps if step != "__init__")
    source = path.read_text()
    tree = ast.parse(source)
    name = name if name.startswith("vmops") else f"vmops.{name}"
    return Module(name, source, tree, frozenset(imported(ast.walk(tree))))


def imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Give the full name of everything that import statements name."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_once(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs when a module is imported: not the functions, and nothing that is there for types only."""
    for child in ast.iter_child_nodes(node):
        types_only = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not types_only and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from at_once(child)


def within(name: str, places: Iterable[str]) -> bool:
    """Tell whether a name is one of the places, or below one."""
    return any(name == place or name.startswith(f"{place}.") for place in places)


def ours(names: Iterable[str]) -> set[str]:
    """Give the modules of ours that are named, or that something named is taken from."""
    return HOUSE.keys() & {name if name in HOUSE else name.rpartition(".")[0] for name in names}


HOUSE = {
    module.name: module for place in ("vmops", "stacks") for module in map(read, sorted((ROOT / place).rglob("*.py")))
}


def test_the_whole_house_is_looked_at() -> None:
    """A test that finds no module finds no fault either."""
    assert {"vmops", "vmops.store", "vmops.engine.stack", "vmops.local.daemon", "vmops.stacks.vm"} <= HOUSE.keys()


def test_there_is_one_sleep() -> None:
    """Every wait has a deadline, because there is one loop that waits."""
    calls = [
        f"{name}:{node.lineno}"
        for name, module in HOUSE.items()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "sleep"
    ]
    assert [call.partition(":")[0] for call in calls] == ["vmops.waiting"], f"it sleeps at {calls}"


@pytest.mark.parametrize(("world", "importers"), WORLDS.items(), ids=WORLDS)
def test_each_outside_world_has_its_importers(world: str, importers: list[str]) -> None:
    """What a world does differently tomorrow is mended in one place."""
    offenders = [name for name, module in HOUSE.items() if module.reaches(world) and not within(name, importers)]
    assert offenders == [], f"{offenders} import {world}"


def test_pure_modules_import_pure_modules_only() -> None:
    """What a VM is, and what may happen to it, can be read and tested without any cloud, disk or process."""
    pure = [f"vmops.{name}" for name in PURE]
    offenders = {
        name: impure
        for name, module in HOUSE.items()
        if within(name, pure) and (impure := [used for used in ours(module.imports) if not within(used, pure)])
    }
    assert offenders == {}, f"pure modules import others: {offenders}"


@pytest.mark.parametrize(
    ("room", "importers"),
    [("vmops.ops", ["vmops.ops", *DOORS]), ("vmops.local", ["vmops.local", "vmops.clouds", "vmops.cli", "vmops.demo"])],
)
def test_a_room_is_entered_by_its_doors(room: str, importers: list[str]) -> None:
    """Arrows go down only: nothing below the seven methods knows of them, nothing above the clouds of the local one."""
    offenders = [
        name
        for name, module in HOUSE.items()
        if module.reaches(room) and not within(name, importers) and name != "vmops"
    ]
    assert offenders == [], f"{offenders} import {room}"


def test_no_module_needs_itself_to_be_imported() -> None:
    """A cycle works by the order of imports, until somebody imports the other end first."""
    uses = {name: ours(imported(at_once(module.tree))) for name, module in HOUSE.items()}
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as cycle:
        pytest.fail(f"an import cycle: {' <- '.join(cycle.args[1])}")


def test_no_file_hides_a_second_noun() -> None:
    """A file that outgrows this has more than one thing in it."""
    lengths = {name: len(module.source.splitlines()) for name, module in HOUSE.items()}
    offenders = {name: length for name, length in lengths.items() if length > LONGEST_FILE}
    assert offenders == {}, f"longer than {LONGEST_FILE} lines: {offenders}"


def test_every_module_says_what_it_is() -> None:
    """Whoever opens a file reads first what it is for."""
    offenders = [name for name, module in HOUSE.items() if not ast.get_docstring(module.tree)]
    assert offenders == [], f"without a docstring: {offenders}"
