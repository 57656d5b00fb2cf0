"""What a loss of power, a full disk or a hand may make of a file of ours, or of the engine's.

Each tells whether there was anything to be spoilt.
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
"""A version of a state's file that no engine of ours knows. Source: engine 3.274 knows 3 and 4."""

_GARBAGE = b"\x00garbage" * 999


def spoil(path: Path, how: str) -> bool:
    """Leave a file empty, cut off or full of garbage, or have it lost."""
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
    """Tell whether a state is there and cannot be read: it stays so until an engine is to work on it."""
    try:
        return not json.loads(path.read_bytes())
    except ValueError:
        return True
    except OSError:
        return False


def _write(path: Path, content: bytes) -> None:
    """Write over a file from another process: one that closes it loses the locks that SQLite has on it.

    Source: SQLite documentation, how to corrupt, "POSIX advisory locks canceled".
    """
    subprocess.run(["tee", path], input=content, stdout=subprocess.DEVNULL, check=True)


def settled(state_dir: Path) -> Path:
    """Have all records in the file itself, and not in its log, where damage to the file would not be met; give it."""
    path = records_path(state_dir)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def spoil_records(scene: Scene, how: str) -> bool:
    """Spoil the records."""
    with suppress(sqlite3.DatabaseError):  # they are spoilt already
        settled(scene.state_dir)
    return spoil(records_path(scene.state_dir), how)


def lose_copies(scene: Scene) -> bool:
    """Lose a stack's state with all its copies."""
    path = scene.state_file
    history = path.parents[2] / "history" / "vmops" / path.stem
    found = [*path.parent.glob(f"{path.name}*"), *history.glob("*")]
    for each in found:
        each.unlink()
    return bool(found)


def renew(scene: Scene) -> bool:
    """Let a newer engine have written a stack's state."""
    return _versioned(scene, _LATER)


def restore(scene: Scene) -> None:
    """Let an engine of ours have written it again."""
    _versioned(scene, 3)


def draft_lock(scene: Scene) -> bool:
    """Leave what was to become an engine's lock."""
    draft = scene.state_file.parents[2] / "locks" / "organization" / "vmops" / scene.stack / "0.json.1f.tmp"
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.touch()
    return True


NEWER = "state-by-a-newer-engine"
RECORDS = {f"records-{how.replace(' ', '-')}": how for how in ("empty", "cut off", "garbage")}
"""What becomes of the records."""

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
"""What becomes of the engine's files."""

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
