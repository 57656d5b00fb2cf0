"""The structure of the source: imports, layers and lengths; `python -m tests.house` prints its figures."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parents[1]

LAYERS = (
    ("core", "protocol"),
    ("spec", "placement", "ssh"),
    ("local",),
    ("azure", "stacks"),
    ("engine",),
    ("deploy",),
    ("jobs",),
    ("ops",),
    ("leases", "mlos"),
    ("cli", "pytest_plugin"),
)
"""The layers from the bottom up. A package may import from lower layers, and from itself."""

WORLDS = {
    "asyncssh": ["vmops.local.guests", "vmops.mlos.ssh"],
    "azure": ["vmops.azure.connection"],
    "mlos_bench": ["vmops.mlos"],
    "procrastinate": ["vmops.jobs.cluster.queue"],
    "psycopg_pool": ["vmops.jobs.cluster.postgres"],
    "psycopg": ["vmops.jobs.cluster.postgres"],
    "psutil": ["vmops.core.processes"],
    "pulumi.automation": ["vmops.engine"],
    "subprocess": ["vmops.core.children"],
    "sqlite3": ["vmops.jobs.sqlite", "vmops.local.arm.state.database"],
}
"""Each external library, and the modules that may import it."""


@dataclass(frozen=True)
class Module:
    """One module of the package: its name, its source, and all imported names, including those from modules."""

    name: str
    source: str
    tree: ast.Module
    imports: frozenset[str]

    @property
    def room(self) -> str:
        """Give the subpackage or top-level module that the module belongs to; empty for the package itself."""
        return self.name.partition(".")[2].partition(".")[0]

    def reaches(self, world: str) -> bool:
        """Tell whether it imports an external library, or a part of it."""
        return any(within(name, [world]) for name in self.imports)


def within(name: str, places: Iterable[str]) -> bool:
    """Tell whether a name is one of these, or below one."""
    return any(name == place or name.startswith(f"{place}.") for place in places)


def imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Give the full names of everything that import statements name."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def house() -> dict[str, Module]:
    """Read every module by its full name; ``stacks`` is inside the package once that is installed."""
    files = [path for place in ("vmops", "stacks") for path in sorted((ROOT / place).rglob("*.py"))]
    return {module.name: module for module in map(_read, files)}


def ours(names: Iterable[str]) -> set[str]:
    """Give our modules that are imported, or from which something is imported."""
    return house().keys() & {name if name in house() else name.rpartition(".")[0] for name in names}


def arrows() -> dict[tuple[str, str], set[str]]:
    """Give the imports between packages: from and to, with the importing modules."""
    found: dict[tuple[str, str], set[str]] = {}
    for module in house().values():
        for used in ours(module.imports):
            ends = module.room, house()[used].room
            if all(ends) and ends[0] != ends[1]:
                found.setdefault(ends, set()).add(f"{module.name} -> {used}")
    return found


def storey(room: str) -> int:
    """Give the layer of a package, from 0."""
    return next(number for number, rooms in enumerate(LAYERS) if room in rooms)


def circles(edges: dict[str, set[str]]) -> list[set[str]]:
    """Find import cycles (Tarjan's strongly connected components of two and more modules)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    found: list[set[str]] = []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        path.append(node)
        for following in edges[node]:
            if following not in number:
                visit(following)
            if following in path:
                low[node] = min(low[node], low[following])
        if low[node] == number[node]:
            circle = {path.pop() for _ in path[path.index(node) :]}
            if len(circle) > 1:
                found.append(circle)

    for node in edges:
        if node not in number:
            visit(node)
    return found


def file_arrows(modules: dict[str, Module]) -> dict[str, set[str]]:
    """Give our modules that each module imports, without itself and its parent packages."""
    return {
        name: {used for used in ours(module.imports) if used != name and not name.startswith(f"{used}.")}
        for name, module in modules.items()
    }


def floors(edges: dict[str, set[str]]) -> int:
    """Give the length of the longest import chain of modules without cycles."""

    @cache
    def height(name: str) -> int:
        return 1 + max(map(height, edges[name]), default=0)

    return max(map(height, edges))


def functions() -> list[int]:
    """Give the length of every function, in lines."""
    return [
        node.end_lineno - node.lineno + 1
        for module in house().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]


def importers(world: str) -> list[str]:
    """Name the modules that import an external library."""
    return [name for name, module in house().items() if module.reaches(world)]


def _read(path: Path) -> Module:
    steps = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(step for step in steps if step != "__init__")
    source = path.read_text()
    tree = ast.parse(source)
    name = name if name.startswith("vmops") else f"vmops.{name}"
    return Module(name, source, tree, frozenset(imported(ast.walk(tree))))


def main() -> None:
    """Print the figures of the structure."""
    lengths, edges = functions(), file_arrows(house())
    print(f"modules               {len(house())}")
    print(f"names at the top      {len({module.room for module in house().values()} - {''})}")
    print(f"storeys               {len(LAYERS)}")
    print(f"files on each other   {floors(edges)}")
    print(f"arrows between rooms  {len(arrows())}")
    print(f"circles of files      {len(circles(edges))}")
    p90 = quantiles(lengths, n=10)[-1]
    print(f"function lengths      median {median(lengths):.0f}, p90 {p90:.0f}, max {max(lengths)} lines")
    print(f"longest file          {max(module.source.count(chr(10)) for module in house().values())} lines")
    for world in WORLDS:
        print(f"importers of {world:<18}{', '.join(importers(world))}")


if __name__ == "__main__":
    main()
