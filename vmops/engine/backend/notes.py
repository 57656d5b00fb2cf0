"""Notes of the engines that we start, by which a dead engine's lock is told from a living one's.

The engine writes into its lock a number and the name of its host, and both may be another's. So a note is written
before an engine begins: on which host it runs, as which process, and for which operation. In a backend of files it lies
there, where other hosts find it, though not among the engine's locks, where each file is one; else in the state
directory. It goes with an engine that ends in order; that of an engine that dies stays for as long as its lock may.
"""

import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from vmops.core import backends, host, private
from vmops.core.processes import start_ticks
from vmops.core.state_dir import engine_notes_path


class Records(Protocol):
    """What a state directory remembers of the operations on a stack (`vmops.jobs.stack_records`)."""

    def newest(self) -> str:
        """Give the id of the newest operation; '' if there is none."""

    def has(self, operation: str) -> bool:
        """Tell whether an operation is one of them."""

    def left(self, hostname: str, since: float) -> bool:
        """Tell whether one that is over left a lock of which there is no note, taken on that host at that time."""


@dataclass(frozen=True)
class Note:
    """An engine of ours: its host, its process, and the newest operation that its state directory had of the stack."""

    host_id: str
    hostname: str
    pid: int
    start_ticks: int
    operation: str

    @property
    def seen(self) -> bool:
        """Tell whether it is on this host and lives."""
        return self.host_id == host.identity() and start_ticks(self.pid) == self.start_ticks


def notes_directory(backend: str, state_dir: Path) -> Path:
    """Give the directory in which the engines of a backend are noted."""
    directory = backends.directory_of(backend)
    return directory / ".vmops" / "engines" if directory else engine_notes_path(state_dir)


@dataclass(frozen=True)
class EngineNotes:
    """The notes of one stack's engines, in ``directory``; ``records`` are those of this state directory.

    Whoever judges an engine by them holds the VM's lock, so that all engines of this state directory are dead.
    """

    directory: Path
    stack: str
    records: Records

    def write(self, pid: int) -> Path:
        """Note an engine that is about to begin; give the note's file, to be removed once it has ended in order."""
        note = Note(host.identity(), socket.gethostname(), pid, start_ticks(pid) or 0, self.records.newest())
        path = self.directory / f"{self.stack}@{note.host_id}-{pid}-{note.start_ticks}.json"
        private.make_directory(path.parent)
        draft = path.with_name(f".{path.name}")
        draft.write_text(json.dumps(asdict(note)))
        draft.replace(path)
        return path

    def may_live(self, hostname: str, pid: int) -> bool | None:
        """Tell whether an engine of that host's name and number may live; None if there is no note of one."""
        notes = [note for _, note in self._all() if note and (note.hostname, note.pid) == (hostname, pid)]
        return any(map(self._may_live, notes)) if notes else None

    def may_work(self) -> bool:
        """Tell whether any engine that is noted may live."""
        return any(note and self._may_live(note) for _, note in self._all())

    def seen(self) -> Note | None:
        """Give an engine on this host that is seen to live."""
        return next((note for _, note in self._all() if note and note.seen), None)

    def of_the_dead(self) -> list[Path]:
        """Give the notes that say nothing of anybody who may live: one that cannot be read was cut by a loss of power.

        To be asked before the locks are looked at, so that the note of an engine that dies meanwhile stays with its
        lock.
        """
        return [path for path, note in self._all() if not (note and self._may_live(note))]

    def all(self) -> list[Path]:
        """Give all notes."""
        return [path for path, _ in self._all()]

    def forget(self, notes: Iterable[Path]) -> None:
        """Remove notes of engines whose locks are gone."""
        for path in notes:
            with suppress(IsADirectoryError):  # nobody's
                path.unlink(missing_ok=True)

    def _may_live(self, note: Note) -> bool:
        """Tell whether an engine may live.

        One of this host lives if its process does. That of another, which may be this one before its last boot, or a
        container in whose place this one is, is dead if this state directory had started it: the VM's lock, which it
        held, is held by us. Of all others nobody knows.
        """
        return note.seen if note.host_id == host.identity() else not self.records.has(note.operation)

    def _all(self) -> Iterator[tuple[Path, Note | None]]:
        for path in sorted(self.directory.glob(f"{self.stack}@*.json")):
            yield path, _read(path)


def _read(path: Path) -> Note | None:
    try:
        return Note(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
