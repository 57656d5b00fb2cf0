"""The state directories of earlier versions, restored from text files."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

PLACE = Path(__file__).parent


def unpack(commit: str, state_dir: Path, host: str) -> None:
    """Restore the state that a commit's code left to a directory, as if that code had run on this host."""
    state = PLACE / commit / "state"
    for path in filter(Path.is_file, state.rglob("*")):
        copy = state_dir / path.relative_to(state)
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path.read_text().replace("@HOST@", host), copy)


def records(commit: str, state_dir: Path, host: str) -> None:
    """Restore only the records."""
    state_dir.mkdir(mode=0o700, exist_ok=True)
    _write((PLACE / commit / "state/operations.sql").read_text().replace("@HOST@", host), state_dir / "operations.sql")


def params(commit: str, name: str) -> dict[str, Any]:
    """Give the parameters of the VM with a name: ``running``, ``half-made`` or ``half-removed``."""
    found: dict[str, dict[str, Any]] = json.loads((PLACE / commit / "params.json").read_text())
    return found[name]


def _write(text: str, copy: Path) -> None:
    """Write a file as it was; its text is at the given path."""
    match copy.suffix:
        case ".sql":
            with closing(sqlite3.connect(copy.with_suffix(".db"))) as connection:
                connection.executescript(f"PRAGMA journal_mode=WAL;{text}")
        case ".hex":
            copy.with_suffix("").write_bytes(bytes.fromhex(text))
        case _:
            copy.touch(mode=0o600)
            copy.write_text(text)
