"""The files that a stack has on a disk: mended, if the engine could not read them, before it is asked to.

A host that loses its power, or a disk that is full, leaves a file empty, cut off or lost: the engine renames without
syncing. What no engine can read is set aside, beside the engine's own directory, and never deleted. A stack whose state
is gone for good is made again and told what exists (`vmops.engine.reconcile.plan`).
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
from vmops.engine.backend.checkpoint import makes_sense
from vmops.engine.backend.layout import Layout
from vmops.engine.backend.lock_holder import Holder, living_holder, read_holder
from vmops.engine.backend.notes import EngineNotes

_SETTINGS = re.compile(r"encryptionsalt: v1:[^\s:]+:v1:[^\s:]+:[^\s:]+\s*")
"""All that the engine writes into the settings of a stack of ours. Source: seen with engine 3.274."""

_META = re.compile(r"^version: *\d+ *$", re.MULTILINE)
_OUR_META = b"version: 1\n"
"""What says that a backend's stacks lie below their projects. Source: engine 3.274, pkg/backend/diy: pulumiMeta."""


class Repair(StrEnum):
    """What had to be done to a stack's state."""

    NOTHING = "nothing"
    RESTORED = "restored"
    LOST = "lost"


def repair(backend: str, project: str, settings: Path, notes: EngineNotes, *, write: bool = True) -> Repair:
    """Put the newest state that can be read in the place of one that cannot; one without a copy is lost.

    ``settings`` is the file with the engine's settings of the stack, which tells that there should be a state; the
    engine makes it anew from the state. Only a backend of files is looked at. There, the locks of engines that are dead
    by their ``notes`` are deleted, and then these. Set aside is what no engine can read: what is half a lock (nobody's,
    because an engine renames whole files), the stack's tags and the files' attributes, without which the engine does
    well, the file that tells the layout, and whatever is in the place of a directory. A state by a newer engine, or
    with other keys, stays. The VM's lock must be held. Without ``write`` nothing is done.

    Raises: OSError if something cannot be moved, or the copy not be written.

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
    """Make the directory of a stack's settings, and have nothing in it, or in its place, that the engine cannot use."""
    for path, fits in ((work_dir, Path.is_dir), (work_dir / "Pulumi.yaml", Path.is_file)):
        if _is_there(path) and not fits(path):
            set_aside(path, _place(notes))
    private.make_directory(work_dir)


def ensure_meta(backend: str, notes: Path) -> None:
    """Have a file that an engine can read tell the layout of a backend of files: without it none works on any stack.

    No lock is needed. ``notes`` is the directory of the engines' notes. Raises: OSError, as `repair`.
    """
    meta = Layout.meta_of(backend)
    if meta and _is_there(meta) and not _META.search(_text(meta)):
        set_aside(meta, _place(notes))
        _write(meta, _OUR_META)


def lock_holders(backend: str, project: str, notes: EngineNotes) -> list[Holder]:
    """Name who may live and holds a lock of a stack; none can be seen where the backend has no files."""
    layout = Layout.of(backend, project, notes.stack)
    found = [living_holder(lock, notes) for lock in layout.locks()] if layout else []
    return [holder for holder in found if holder]


def delete_locks(backend: str, project: str, stack: str) -> None:
    """Delete the locks of a stack that is not there, of which the engine says no more than that.

    Raises: OperationFailed (locked) where the backend has no files.
    """
    layout = Layout.of(backend, project, stack)
    if layout is None:
        message = "an engine that had not made the stack yet died with its lock, which `pulumi cancel` does not find"
        raise OperationFailed(Failure(FailureKind.LOCKED, message, step=f"delete the lock of {stack} in the backend"))
    _delete(layout.locks())


def ensure_tags_file(backend: str, project: str, stack: str) -> None:
    """Give a stack that is about to be removed a file of tags, with none in it, unless it has one.

    The engine deletes that file with the stack, and tries three times where there is none: 0.14 seconds. An empty one
    says to it what none says. Only for a backend of files; the VM's lock must be held.

    Source: Pulumi, pkg/backend/diy of engine 3.274: removeStack and retryOp; loadStackTags for what is in the file.
    """
    layout = Layout.of(backend, project, stack)
    if layout and layout.state.exists() and not layout.tags.exists():
        with suppress(OSError):  # the engine does without
            _write(layout.tags, b'{"version":1,"tags":{}}')


def retire(backend: str, project: str, notes: EngineNotes) -> bool:
    """Set a whole stack aside that no engine of ours can forget; False where the backend has no files.

    The lock of an engine that died while it was to forget the stack goes, as in `repair`.
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
    """Give what no engine can read, but for the state."""
    yield from (each for each in layout.directories() if _is_there(each) and not each.is_dir())
    yield from (lock for lock in layout.locks() if _is_no_lock(lock) and not (_is_draft(lock) and notes.may_work()))
    plain = [*layout.attributes(), layout.tags]
    yield from (each for each in plain if _is_there(each) and not _is_object(each))
    yield from (each for each in layout.copies()[:1] if _is_there(each) and not each.is_file())


def _state(layout: Layout, *, expected: bool) -> tuple[Repair, Path | None]:
    """Tell how a state is to be mended, and from which copy."""
    if _can_be_read(layout.state) or not (_is_there(layout.state) or expected):
        return Repair.NOTHING, None
    copy = next(filter(_can_be_read, layout.copies()), None)
    return (Repair.RESTORED if copy else Repair.LOST), copy


def _put(layout: Layout, found: Repair, copy: Path | None, place: Path) -> None:
    if found is Repair.NOTHING:
        return
    state = layout.state
    get_logger().warning("state_mended", stack=state.stem, how=str(found), copy=copy and copy.name)
    content = copy.read_bytes() if copy else b""
    _aside([state, state.with_name(f"{state.name}.attrs")], place)
    if copy:
        _write(state, content)


def _place(notes: Path) -> Path:
    """Give where things are set aside, beside the directory of the engines' notes."""
    return notes.with_name("aside")


def _aside(paths: Iterable[Path], place: Path) -> None:
    for path in paths:
        set_aside(path, place)


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    """Put a whole file in its place: an engine that looks meanwhile sees all of it or none."""
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(content)
    draft.replace(path)


def _is_there(path: Path) -> bool:
    """Tell whether something is at a path, though it be a link that leads nowhere."""
    return path.is_symlink() or path.exists()


def _is_draft(lock: Path) -> bool:
    """Tell whether it was to become a lock, as one does within a moment. Source: gocloud.dev, fileblob: createTemp."""
    return lock.suffix == ".tmp"


def _is_no_lock(lock: Path) -> bool:
    return _is_there(lock) and read_holder(_bytes(lock)) is None


def _can_be_read(state: Path) -> bool:
    return makes_sense(_bytes(state))


def _is_object(path: Path) -> bool:
    with suppress(ValueError):
        return isinstance(json.loads(_bytes(path)), dict)
    return False


def _text(path: Path) -> str:
    return _bytes(path).decode(errors="replace")


def _bytes(path: Path) -> bytes:
    """Read a file; nothing of one that cannot be read, or is none."""
    with suppress(OSError):
        return path.read_bytes()
    return b""
