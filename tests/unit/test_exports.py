"""The names that ``import vmops`` exports, and the cost of importing them."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import vmops

HEAVY = frozenset(("azure", "cryptography", "grpc", "psutil", "pulumi", "pydantic", "requests", "sqlite3", "structlog"))


def test_dir_is_the_sorted_export_list() -> None:
    """One list has the public names; an additional or missing name fails here."""
    assert sorted(set(vmops.__all__)) == vmops.__all__ == dir(vmops)


@pytest.mark.parametrize("name", vmops.__all__)
def test_every_export_can_be_imported(name: str) -> None:
    """A lazy export may name a missing module."""
    assert getattr(vmops, name).__name__ == name


def test_type_checking_imports_equal_the_exports() -> None:
    """The imports under TYPE_CHECKING are a second copy of the list: they may not drift."""
    tree = ast.parse(Path(vmops.__file__).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    homes = {alias.name: str(node.module) for node in imports for alias in node.names}
    seen = {name: home for name, home in homes.items() if home.startswith("vmops.")}
    assert sorted(seen) == vmops.__all__
    assert all(getattr(import_module(home), name) is getattr(vmops, name) for name, home in seen.items())


def test_no_export_has_the_name_of_a_module() -> None:
    """An import of the module would replace the export."""
    modules = {path.stem for path in Path(vmops.__file__).parent.iterdir()}
    assert modules & set(vmops.__all__) == set()


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As ``hasattr`` and ``from vmops import`` expect."""
    with pytest.raises(AttributeError, match="module 'vmops' has no attribute 'VmOps'"):
        _ = vmops.VmOps


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import vmops", set()),
        ("from vmops import SpecError, Status, SupportsVMOps", set()),
        ("from vmops import VmSpec", {"pydantic"}),
    ],
)
def test_importing_a_name_loads_only_what_it_needs(statement: str, allowed: set[str]) -> None:
    """An import of the contract alone loads no cloud, engine, database or validation."""
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert HEAVY & set(loaded) == allowed
