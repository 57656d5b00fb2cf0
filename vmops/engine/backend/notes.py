"""Notes about the engines that vmops starts, which distinguish the lock of a dead engine from that of a living one.

The engine writes a process number and a host name into its lock, and both may be reused. So a note is written before an
engine starts: its host, its process, and its operation. In a file backend the notes are next to the stacks, where other
hosts find them, but not among the engine's locks, where every file counts as a lock. Otherwise they are in the state
directory. The note is removed when the engine ends normally, and otherwise when its lock is deleted.
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
    """The records of the operations on a stack in a state directory (`vmops.jobs.stack_records`)."""

    def newest(self) -> str:
        """Give the id of the newest operation; '' if there is none."""

    def has(self, operation: str) -> bool:
        """Tell whether an operation is among the recorded ones."""

    def left(self, hostname: str, since: float) -> bool:
        """Tell whether an operation that has ended took a lock without a note on that host at that time."""


@dataclass(frozen=True)
class Note:
    """An engine of ours: its host, its process, and the newest operation on the stack when it was started."""

    host_id: str
    hostname: str
    pid: int
    start_ticks: int
    operation: str

    @property
    def running(self) -> bool:
        """Tell whether it runs on this host."""
        return self.host_id == host.identity() and start_ticks(self.pid) == self.start_ticks


def notes_directory(backend: str, state_dir: Path) -> Path:
    """Give the directory with the notes about a backend's engines."""
    directory = backends.directory_of(backend)
    return directory / ".vmops" / "engines" if directory else engine_notes_path(state_dir)


@dataclass(frozen=True)
class EngineNotes:
    """The notes about one stack's engines, in ``directory``; ``records`` are those of this state directory.

    The caller holds the VM's lock, so all engines that this state directory has started are dead.
    """

    directory: Path
    stack: str
    records: Records

    def write(self, pid: int) -> Path:
        """Write the note of an engine that is about to start; give its file, to be removed after a normal end."""
        note = Note(host.identity(), socket.gethostname(), pid, start_ticks(pid) or 0, self.records.newest())
        path = self.directory / f"{self.stack}@{note.host_id}-{pid}-{note.start_ticks}.json"
        private.make_directory(path.parent)
        draft = path.with_name(f".{path.name}")
        draft.write_text(json.dumps(asdict(note)))
        draft.replace(path)
        return path

    def may_live(self, hostname: str, pid: int) -> bool | None:
        """Tell whether an engine with that host name and number may be alive; None if there is no note of one."""
        notes = [note for _, note in self._all() if note and (note.hostname, note.pid) == (hostname, pid)]
        return any(map(self._may_live, notes)) if notes else None

    def may_work(self) -> bool:
        """Tell whether any engine with a note may be alive."""
        return any(note and self._may_live(note) for _, note in self._all())

    def running(self) -> Note | None:
        """Give an engine that runs on this host."""
        return next((note for _, note in self._all() if note and note.running), None)

    def of_the_dead(self) -> list[Path]:
        """Give the notes of dead engines; an unreadable note was truncated by a power loss, so its engine is dead.

        Call this before the locks are examined, so that the note of an engine that dies meanwhile stays with its lock.
        """
        return [path for path, note in self._all() if not (note and self._may_live(note))]

    def all(self) -> list[Path]:
        """Give all notes."""
        return [path for path, _ in self._all()]

    def forget(self, notes: Iterable[Path]) -> None:
        """Remove the notes of engines whose locks are gone."""
        for path in notes:
            with suppress(IsADirectoryError):  # no engine has made it
                path.unlink(missing_ok=True)

    def _may_live(self, note: Note) -> bool:
        """Tell whether an engine may be alive.

        An engine of this host is alive if its process is. An engine of another host is dead if this state directory has
        started it, because the caller now holds the VM's lock, which it held: that host is this one before its last
        boot, or an earlier container. All others may be alive.
        """
        return note.running if note.host_id == host.identity() else not self.records.has(note.operation)

    def _all(self) -> Iterator[tuple[Path, Note | None]]:
        for path in sorted(self.directory.glob(f"{self.stack}@*.json")):
            yield path, _read(path)


def _read(path: Path) -> Note | None:
    try:
        return Note(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
