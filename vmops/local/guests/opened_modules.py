"""Imports modules by descriptors after root is given up: root has opened them, which may read every file."""

import marshal
import os
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType
from typing import TypeAlias, cast


@dataclass(frozen=True)
class Kept:
    """A module: its origin, and the position of its code in the common file; none for a shared library."""

    path: str
    is_package: bool = False
    begins: int = 0
    length: int = 0


Table: TypeAlias = Mapping[str, Kept]


def keep(load: Callable[[], None], file: int) -> Table:
    """Import something, and store the code of all modules that were imported for it."""
    before = set(sys.modules)
    load()
    specs = [module.__spec__ for name, module in sys.modules.items() if name not in before and module.__spec__]
    return {spec.name: _kept(spec, file) for spec in specs if spec.has_location}


class OpenedModules(MetaPathFinder):
    """Finds these modules, whose code is in the common file."""

    def __init__(self, table: Table, file: int) -> None:
        """Open the shared libraries among them.

        Raises: OSError if others may not read one.
        """
        self._table, self._file = table, file
        self._libraries = {name: _opened(kept.path) for name, kept in table.items() if _is_library(kept.path)}

    @property
    def descriptors(self) -> list[int]:
        """Give the descriptors that must stay open until everything is imported."""
        return [self._file, *self._libraries.values()]

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """Find one of these modules only. Source: proc(5), /proc/pid/fd."""
        kept = self._table.get(name)
        if kept is None:
            return None
        if name in self._libraries:
            library = f"/proc/self/fd/{self._libraries[name]}"
            return spec_from_file_location(name, library, loader=ExtensionFileLoader(name, library))
        inside: list[str] | None = [] if kept.is_package else None
        loader = _Code(self._file, kept)
        return spec_from_file_location(name, kept.path, loader=loader, submodule_search_locations=inside)


class _Code(InspectLoader):
    """Loads a module from its code."""

    def __init__(self, file: int, kept: Kept) -> None:
        self._file, self._kept = file, kept

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - there is one
        return cast(CodeType, marshal.loads(os.pread(self._file, self._kept.length, self._kept.begins)))  # noqa: S302

    def get_source(self, fullname: str) -> None:
        """Give None."""


def _kept(spec: ModuleSpec, file: int) -> Kept:
    path, loader = spec.origin or "", spec.loader
    if _is_library(path) or not isinstance(loader, InspectLoader):
        return Kept(path)
    code, begins = marshal.dumps(loader.get_code(spec.name)), os.lseek(file, 0, os.SEEK_END)
    os.write(file, code)
    return Kept(path, spec.submodule_search_locations is not None, begins, len(code))


def _opened(path: str) -> int:
    if not os.stat(path).st_mode & stat.S_IROTH:  # noqa: PTH116 - a loader gives text
        raise PermissionError(path)
    return os.open(path, os.O_RDONLY)


def _is_library(path: str) -> bool:
    return path.endswith(tuple(EXTENSION_SUFFIXES))
