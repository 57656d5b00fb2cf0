"""Damage to files of ours or of the engine, as by a power failure, a full disk or a person.

Each function tells whether there was anything to damage.
"""

import json
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from tests.chaos.scene import Scene
from vmops.core.state_dir import records_path

_LATER = 5
"""A version of a state file that our engine does not know. Source: engine 3.274 knows 3 and 4."""

_GARBAGE = b"\x00garbage" * 999


def spoil(path: Path, how: str) -> bool:
    """Make a file empty, cut off or full of garbage, or delete it."""
    if not path.exists():
        return False
    match how:
        case "empty":
            _write(path, b"")
        case "cut off":
            size = min(1000, path.stat().st_size // 2)
            _write(path, subprocess.run(["head", "-c", str(size), path], capture_output=True, check=True).stdout)
        case "garbage":
            _write(path, _GARBAGE)
        case "lost":
            path.unlink()
    return True


def is_spoilt(path: Path) -> bool:
    """Tell whether a state exists and cannot be read; it stays so until an engine has to use it."""
    try:
        return not json.loads(path.read_bytes())
    except ValueError:
        return True
    except OSError:
        return False


def _write(path: Path, content: bytes) -> None:
    """Write over a file from another process, because closing it releases SQLite's locks on it.

    Source: SQLite documentation, how to corrupt, "POSIX advisory locks canceled".
    """
    subprocess.run(["tee", path], input=content, stdout=subprocess.DEVNULL, check=True)


def settled(state_dir: Path) -> Path:
    """Move all records from the log into the file itself, so that damage to the file is noticed; give the file."""
    path = records_path(state_dir)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def spoil_records(scene: Scene, how: str) -> bool:
    """Damage the records."""
    with suppress(sqlite3.DatabaseError):  # they are spoilt already
        settled(scene.state_dir)
    return spoil(records_path(scene.state_dir), how)


def lose_copies(scene: Scene) -> bool:
    """Delete a stack's state with all its copies."""
    path = scene.state_file
    history = path.parents[2] / "history" / "vmops" / path.stem
    found = [*path.parent.glob(f"{path.name}*"), *history.glob("*")]
    for each in found:
        each.unlink()
    return bool(found)


def renew(scene: Scene) -> bool:
    """Write a stack's state as a newer engine would."""
    return _versioned(scene, _LATER)


def restore(scene: Scene) -> None:
    """Write it again as our engine would."""
    _versioned(scene, 3)


def draft_lock(scene: Scene) -> bool:
    """Create an incomplete lock of the engine."""
    draft = scene.state_file.parents[2] / "locks" / "organization" / "vmops" / scene.stack / "0.json.1f.tmp"
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.touch()
    return True


NEWER = "state-by-a-newer-engine"
RECORDS = {f"records-{how.replace(' ', '-')}": how for how in ("empty", "cut off", "garbage")}
"""Kinds of damage to the records."""

FILES: dict[str, Callable[[Scene], bool]] = {
    **{
        f"state-{how.replace(' ', '-')}": lambda scene, how=how: spoil(scene.state_file, how)  # type: ignore[misc]
        for how in ("empty", "cut off", "garbage", "lost")
    },
    "state-lost-with-its-copies": lose_copies,
    NEWER: renew,
    "meta-empty": lambda scene: spoil(scene.state_file.parents[2] / "meta.yaml", "empty"),
    "lock-drafted": draft_lock,
}
"""Kinds of damage to the engine's files."""

SPOILINGS: dict[str, Callable[[Scene], bool]] = {
    **FILES,
    **{
        name: lambda scene, how=how: spoil_records(scene, how)  # type: ignore[misc]
        for name, how in RECORDS.items()
    },
}


def _versioned(scene: Scene, version: int) -> bool:
    try:
        found = json.loads(scene.state_file.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    scene.state_file.write_text(json.dumps({**found, "version": version}))
    return True
