"""Repairs the files of a stack before an engine is started that could not read them.

After a power loss, or with a full disk, a file may be empty, truncated or missing, because the engine renames files
without syncing them. Files that no engine can read are moved aside, next to the engine's own directory, and never
deleted. A stack whose state is lost is created again, and adopts what exists in ARM (`vmops.engine.reconcile.plan`).
"""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from vmops.core import private
from vmops.core.aside import set_aside
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.engine.backend.checkpoint import is_usable
from vmops.engine.backend.layout import Layout
from vmops.engine.backend.lock_holder import Holder, living_holder, read_holder
from vmops.engine.backend.notes import EngineNotes

_SETTINGS = re.compile(r"encryptionsalt: v1:[^\s:]+:v1:[^\s:]+:[^\s:]+\s*")
"""Everything that the engine writes into our stacks' settings. Source: seen with engine 3.274."""

_META = re.compile(r"^version: *\d+ *$", re.MULTILINE)
_OUR_META = b"version: 1\n"
"""The marker of a backend whose stacks are grouped by project. Source: engine 3.274, pkg/backend/diy: pulumiMeta."""


class Repair(StrEnum):
    """What was done to repair a stack's state."""

    NOTHING = "nothing"
    RESTORED = "restored"
    LOST = "lost"


def repair(backend: str, project: str, settings: Path, notes: EngineNotes, *, write: bool = True) -> Repair:
    """Replace a state that cannot be read by its newest readable copy; without a copy it is lost.

    ``settings`` is the file of the engine's settings of the stack. If it exists, a state is expected; the engine writes
    it again from the state. Only a file backend is examined. There, the locks of engines that are dead according to
    ``notes`` are deleted, and then those notes.

    Files that no engine can read are moved aside: incomplete locks (no engine holds one, because an engine renames
    complete files), the stack's tags and the files' attributes, which the engine does not need, the file that names the
    layout, and files in the place of directories. A state of a newer engine, or with other keys, stays. The VM's lock
    must be held. Without ``write`` nothing is changed.

    Raises: OSError if something cannot be moved, or the copy cannot be written.

    Source: Pulumi documentation, self-managed backends; layout of the files seen with engine 3.274.
    """
    expected = _is_there(settings)
    broken = [settings] if expected and not _SETTINGS.fullmatch(_text(settings)) else []
    layout = Layout.of(backend, project, notes.stack)
    dead = notes.of_the_dead() if layout else []
    found, copy = _state(layout, expected=expected) if layout else (Repair.NOTHING, None)
    if write:
        place = _place(notes.directory)
        _aside([*broken, *(_broken(layout, notes) if layout else ())], place)
        if layout:
            _delete_dead_locks(layout, notes)
            _put(layout, found, copy, place)
        notes.forget(dead)
    return found


def make_work_directory(work_dir: Path, notes: Path) -> None:
    """Make the directory of a stack's settings, and move aside what the engine cannot use in it."""
    for path, fits in ((work_dir, Path.is_dir), (work_dir / "Pulumi.yaml", Path.is_file)):
        if _is_there(path) and not fits(path):
            set_aside(path, _place(notes))
    private.make_directory(work_dir)


def ensure_meta(backend: str, notes: Path) -> None:
    """Repair the layout file of a file backend, without which no engine works on any stack.

    No lock is needed. ``notes`` is the directory of the engines' notes. Raises: OSError, as `repair`.
    """
    meta = Layout.meta_of(backend)
    if meta and _is_there(meta) and not _META.search(_text(meta)):
        set_aside(meta, _place(notes))
        _write(meta, _OUR_META)


def lock_holders(backend: str, project: str, notes: EngineNotes) -> list[Holder]:
    """Name the holders of a stack's lock that may be alive; none are visible without a file backend."""
    layout = Layout.of(backend, project, notes.stack)
    found = [living_holder(lock, notes) for lock in layout.locks()] if layout else []
    return [holder for holder in found if holder]


def delete_locks(backend: str, project: str, stack: str) -> None:
    """Delete the locks of a stack that does not exist; the engine itself does not find these.

    Raises: OperationFailed (locked) if the backend has no files.
    """
    layout = Layout.of(backend, project, stack)
    if layout is None:
        message = "an engine died before it had created the stack and left a lock, which `pulumi cancel` does not find"
        raise OperationFailed(Failure(FailureKind.LOCKED, message, step=f"delete the lock of {stack} in the backend"))
    _delete(layout.locks())


def ensure_tags_file(backend: str, project: str, stack: str) -> None:
    """Create an empty tags file for a stack that is about to be removed, unless it has one.

    The engine deletes that file with the stack. If it is missing, the engine retries, which takes 0.14 seconds. Only
    for a file backend; the VM's lock must be held.

    Source: Pulumi, pkg/backend/diy of engine 3.274: removeStack and retryOp; loadStackTags for what is in the file.
    """
    layout = Layout.of(backend, project, stack)
    if layout and layout.state.exists() and not layout.tags.exists():
        with suppress(OSError):  # the engine can work without it
            _write(layout.tags, b'{"version":1,"tags":{}}')


def retire(backend: str, project: str, notes: EngineNotes) -> bool:
    """Move aside a whole stack that our engine cannot remove; False without a file backend.

    The lock of an engine that died while removing the stack is deleted, as in `repair`.
    """
    layout = Layout.of(backend, project, notes.stack)
    if layout is None:
        return False
    dead = notes.of_the_dead()
    _delete_dead_locks(layout, notes)
    _aside(filter(_is_there, layout.all()), _place(notes.directory))
    notes.forget(dead)
    return True


def _delete_dead_locks(layout: Layout, notes: EngineNotes) -> None:
    _delete(lock for lock in layout.locks() if not (_is_no_lock(lock) or living_holder(lock, notes)))


def _broken(layout: Layout, notes: EngineNotes) -> Iterable[Path]:
    """Give the files that no engine can read, except the state."""
    yield from (each for each in layout.directories() if _is_there(each) and not each.is_dir())
    yield from (lock for lock in layout.locks() if _is_no_lock(lock) and not (_is_draft(lock) and notes.may_work()))
    plain = [*layout.attributes(), layout.tags]
    yield from (each for each in plain if _is_there(each) and not _is_object(each))
    yield from (each for each in layout.copies()[:1] if _is_there(each) and not each.is_file())


def _state(layout: Layout, *, expected: bool) -> tuple[Repair, Path | None]:
    """Tell how a state must be repaired, and from which copy."""
    if _can_be_read(layout.state) or not (_is_there(layout.state) or expected):
        return Repair.NOTHING, None
    copy = next(filter(_can_be_read, layout.copies()), None)
    return (Repair.RESTORED if copy else Repair.LOST), copy


def _put(layout: Layout, found: Repair, copy: Path | None, place: Path) -> None:
    if found is Repair.NOTHING:
        return
    state = layout.state
    get_logger().warning("state_repaired", stack=state.stem, how=str(found), copy=copy and copy.name)
    content = copy.read_bytes() if copy else b""
    _aside([state, state.with_name(f"{state.name}.attrs")], place)
    if copy:
        _write(state, content)


def _place(notes: Path) -> Path:
    """Give the directory for files that were moved aside, next to the engines' notes."""
    return notes.with_name("aside")


def _aside(paths: Iterable[Path], place: Path) -> None:
    for path in paths:
        set_aside(path, place)


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    """Replace a file atomically: an engine that reads meanwhile sees the old content or the new."""
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(content)
    draft.replace(path)


def _is_there(path: Path) -> bool:
    """Tell whether anything exists at a path, including a dangling link."""
    return path.is_symlink() or path.exists()


def _is_draft(lock: Path) -> bool:
    """Tell whether a file is the temporary file of a new lock. Source: gocloud.dev, fileblob: createTemp."""
    return lock.suffix == ".tmp"


def _is_no_lock(lock: Path) -> bool:
    return _is_there(lock) and read_holder(_bytes(lock)) is None


def _can_be_read(state: Path) -> bool:
    return is_usable(_bytes(state))


def _is_object(path: Path) -> bool:
    with suppress(ValueError):
        return isinstance(json.loads(_bytes(path)), dict)
    return False


def _text(path: Path) -> str:
    return _bytes(path).decode(errors="replace")


def _bytes(path: Path) -> bytes:
    """Read a file; empty if it cannot be read, or is not a file."""
    with suppress(OSError):
        return path.read_bytes()
    return b""
