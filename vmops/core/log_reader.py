"""Reads a worker's log while it is written, one event a line. `vmops.core.log.JsonLines` writes it."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any


class LogReader:
    """Reads one log, continuing where the last read ended. A file that is missing counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def news(self) -> list[dict[str, Any]]:
        """Give the events since the last call. An incomplete line is left for the next call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read += len(whole + newline)
        return [json.loads(line) for line in whole.splitlines()]


def instant(event: Mapping[str, Any]) -> float:
    """Give when an event was logged, in seconds since the epoch."""
    return datetime.fromisoformat(event["timestamp"]).timestamp()
