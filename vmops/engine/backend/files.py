"""The files that a stack has on a disk: mended, if the engine could not read them, before it is asked to.

A host that loses its power, or a disk that is full, leaves a file empty, cut off or lost: the engine renames without
syncing. A stack whose state is gone for good is made again and told what exists (`vmops.engine.reconcile.plan`).
"""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

from vmops.core import backends
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.engine.backend.lock_holder import Holder, living_holder
from vmops.engine.backend.notes import EngineNotes

_SETTINGS = re.compile(r"encryptionsalt: v1:[^\s:]+:v1:[^\s:]+:[^\s:]+\s*")
"""All that the engine writes into the settings of a stack of ours. Source: seen with engine 3.274."""

_TAGS = ".pulumi-tags"
"""What follows a stack's name in the name of the file with its tags. Source: engine 3.274, pkg/backend/diy."""


class Repair(StrEnum):
    """What had to be done to a stack's state."""

    NOTHING = "nothing"
    RESTORED = "restored"
    LOST = "lost"


def repair(backend: str, project: str, settings: Path, notes: EngineNotes, *, write: bool = True) -> Repair:
    """Put the newest state that can be read in the place of one that cannot; one without a copy is deleted.

    ``settings`` is the file with the engine's settings of the stack, which tells that there should be a state; the
    engine makes it anew from the state. Only a backend of files is looked at. There, the locks of engines that are dead
    by their ``notes`` are deleted too, and then these (a lock that cannot be read is nobody's, because an engine
    renames whole files), and what was only half written of the stack's tags and of the files' attributes, without which
    the engine does well. The VM's lock must be held. Without ``write`` nothing is done.

    Source: Pulumi documentation, self-managed backends; layout of the files seen with engine 3.274.
    """
    expected = settings.exists()
    broken = [settings] if expected and not _SETTINGS.fullmatch(_text(settings)) else []
    root = _root(backend)
    if root is None:
        return _done(broken, write=write)
    stack, dead = notes.stack, notes.of_the_dead()
    state, history = _state_file(root, project, stack), root / "history" / project / stack
    broken += [lock for lock in _locks(root, project, stack) if not living_holder(lock, notes)]
    attributes = [*root.glob("*.attrs"), *state.parent.glob(f"{stack}.json*.attrs"), *history.glob("*.attrs")]
    broken += [each for each in [*attributes, state.with_suffix(_TAGS)] if not isinstance(_read(each), dict)]
    found, copy = _state(state, history, expected=expected)
    if write:
        _put(state, found, copy)
    return _done([*broken, *dead], found, write=write)


def lock_holders(backend: str, project: str, notes: EngineNotes) -> list[Holder]:
    """Name who may live and holds a lock of a stack; none can be seen where the backend has no files."""
    root = _root(backend)
    found = [living_holder(lock, notes) for lock in _locks(root, project, notes.stack)] if root else []
    return [holder for holder in found if holder]


def delete_locks(backend: str, project: str, stack: str) -> None:
    """Delete the locks of a stack that is not there, of which the engine says no more than that.

    Raises: OperationFailed (locked) where the backend has no files.
    """
    root = _root(backend)
    if root is None:
        message = "an engine that had not made the stack yet died with its lock, which `pulumi cancel` does not find"
        raise OperationFailed(Failure(FailureKind.LOCKED, message, step=f"delete the lock of {stack} in the backend"))
    for lock in _locks(root, project, stack):
        lock.unlink(missing_ok=True)


def ensure_tags_file(backend: str, project: str, stack: str) -> None:
    """Give a stack that is about to be removed a file of tags, with none in it, unless it has one.

    The engine deletes that file with the stack, and tries three times where there is none: 0.14 seconds. An empty one
    says to it what none says. Only for a backend of files; the VM's lock must be held.

    Source: Pulumi, pkg/backend/diy of engine 3.274: removeStack and retryOp; loadStackTags for what is in the file.
    """
    root = _root(backend)
    state = root and _state_file(root, project, stack)
    if state and state.exists() and not state.with_suffix(_TAGS).exists():
        with suppress(OSError):  # the engine does without
            _write(state.with_suffix(_TAGS), b'{"version":1,"tags":{}}')


def _root(backend: str) -> Path | None:
    """Give the directory of a backend's files, None if it has none."""
    directory = backends.directory_of(backend)
    root = directory and directory / ".pulumi"
    return root if root and root.is_dir() else None


def _locks(root: Path, project: str, stack: str) -> list[Path]:
    return sorted((root / "locks" / "organization" / project / stack).glob("*.json"))


def _state_file(root: Path, project: str, stack: str) -> Path:
    return root / "stacks" / project / f"{stack}.json"


def _done(broken: Iterable[Path], found: Repair = Repair.NOTHING, *, write: bool) -> Repair:
    for path in broken if write else ():
        path.unlink(missing_ok=True)
    return found


def _state(state: Path, history: Path, *, expected: bool) -> tuple[Repair, Path | None]:
    """Tell how a state is to be mended, and from which copy."""
    if _is_state(_read(state)) or not (state.exists() or expected):
        return Repair.NOTHING, None
    copy = next((copy for copy in _copies(state, history) if _is_state(_read(copy))), None)
    return (Repair.RESTORED if copy else Repair.LOST), copy


def _put(state: Path, found: Repair, copy: Path | None) -> None:
    if found is Repair.NOTHING:
        return
    get_logger().warning("state_mended", stack=state.stem, how=str(found), copy=copy and copy.name)
    state.with_name(f"{state.name}.attrs").unlink(missing_ok=True)
    if copy is None:
        state.unlink(missing_ok=True)
        return
    _write(state, copy.read_bytes())


def _write(path: Path, content: bytes) -> None:
    """Put a whole file in its place: an engine that looks meanwhile sees all of it or none."""
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(content)
    draft.replace(path)


def _copies(state: Path, history: Path) -> Iterable[Path]:
    """Give the copies of a state, the newest first: that of the step before, then those of earlier updates."""
    return [state.with_name(f"{state.name}.bak"), *sorted(history.glob("*.checkpoint.json"), reverse=True)]


def _is_state(found: Any) -> bool:
    return isinstance(found, dict) and isinstance(found.get("checkpoint"), dict)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")
