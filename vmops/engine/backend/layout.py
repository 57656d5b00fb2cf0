"""The paths of one stack's files in a file backend. Source: layout seen with engine 3.274, pkg/backend/diy."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vmops.core import backends

_ORGANIZATION = "organization"


@dataclass(frozen=True)
class Layout:
    """The files of a stack below the backend's own directory, ``root``; any of them may be missing."""

    root: Path
    project: str
    stack: str

    @classmethod
    def of(cls, backend: str, project: str, stack: str) -> Self | None:
        """Give the files of a stack; None if the backend has no files, or the stack was never kept in it."""
        root = _root(backend)
        return cls(root, project, stack) if root and (root.exists() or root.is_symlink()) else None

    @staticmethod
    def meta_of(backend: str) -> Path | None:
        """Give the file that names a backend's layout; None if the backend has no files."""
        root = _root(backend)
        return root and root / "meta.yaml"

    @property
    def state(self) -> Path:
        """Give the file of the state."""
        return self.root / "stacks" / self.project / f"{self.stack}.json"

    @property
    def copy(self) -> Path:
        """Give the state before the last step."""
        return self.state.with_name(f"{self.state.name}.bak")

    @property
    def tags(self) -> Path:
        """Give the file of the stack's tags."""
        return self.state.with_suffix(".pulumi-tags")

    @property
    def _history(self) -> Path:
        return self.root / "history" / self.project / self.stack

    @property
    def _locks(self) -> Path:
        return self.root / "locks" / _ORGANIZATION / self.project / self.stack

    def copies(self) -> list[Path]:
        """Give the copies of the state, the newest first: that of the last step, then those of earlier updates."""
        return [self.copy, *sorted(self._history.glob("*.checkpoint.json"), reverse=True)]

    def locks(self) -> list[Path]:
        """Give the engine's locks, including incomplete ones: an engine takes every file there for a lock."""
        found = (path for path in _within(self._locks) if path.suffix != ".attrs")
        return sorted(path for path in found if path.is_symlink() or not path.is_dir())

    def attributes(self) -> list[Path]:
        """Give the attribute files that the engine writes beside these files."""
        of_state = self.state.parent.glob(f"{self.stack}.json*.attrs")
        return [*self.root.glob("*.attrs"), *of_state, *self._history.glob("*.attrs"), *self._locks.glob("*.attrs")]

    def directories(self) -> Iterator[Path]:
        """Give the directories of these files, outer ones first."""
        places = (self.state.parent, self._history, self._locks, self.root / "backups" / self.project / self.stack)
        yield self.root
        for place in places:
            yield from (each for each in (*reversed(place.parents), place) if self.root in each.parents)

    def all(self) -> list[Path]:
        """Give the files of the stack itself: its state, the copies of its state, its tags and its history."""
        beside = _within(self.state.parent)
        return [*(each for each in beside if each.name.startswith(f"{self.stack}.")), self._history]


def _root(backend: str) -> Path | None:
    directory = backends.directory_of(backend)
    return directory and directory / ".pulumi"


def _within(directory: Path) -> list[Path]:
    return list(directory.iterdir()) if directory.is_dir() else []
