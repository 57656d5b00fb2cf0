"""Blocks progress at a moment, so that a kill can strike: requests, records, slots and locks."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.chaos.scene import Scene
from vmops.core import file_lock
from vmops.jobs.operation import Verb

_ANOTHERS = {"pid": 1, "username": "ada", "hostname": "another-host", "timestamp": "2026-05-04T01:58:12Z"}


class Freeze:
    """The blocks of one scene; `frozen` removes them."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._records: sqlite3.Connection | None = None
        self._slots: list[int] = []
        self._lock: Path | None = None

    def keep(self, *rules: dict[str, Any]) -> None:
        """Delay the calls that match these rules, and no others."""
        self._scene.faults(*rules)

    def keep_records(self) -> None:
        """Prevent writes of records: SQLite has one writer, and others wait for half a minute."""
        self._records = sqlite3.connect(self._scene.state_dir / "operations.db", isolation_level=None, timeout=60)
        self._records.execute("BEGIN IMMEDIATE")

    @property
    def keeps_records(self) -> bool:
        return self._records is not None

    def keep_slots(self) -> None:
        """Take all slots, so that no worker starts."""
        for verb in Verb:
            held = file_lock.acquire(self._scene.state_dir / "locks" / "slots" / f"{verb}-0", timeout=60)
            assert held is not None
            self._slots.append(held)

    def keep_engine(self) -> None:
        """Hold the engine's lock as another host would, so that our engine waits."""
        backend = self._scene.state_dir / "backend" / ".pulumi"
        self._lock = backend / "locks" / "organization" / "vmops" / self._scene.stack / "anothers.json"
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        self._lock.write_text(json.dumps(_ANOTHERS))

    @property
    def keeps_engine(self) -> bool:
        return self._lock is not None

    def let_go(self) -> None:
        if self._lock:
            self._lock.unlink(missing_ok=True)
        if self._records:
            self._records.close()
        for held in self._slots:
            os.close(held)
        self._scene.faults()


@contextmanager
def frozen(scene: Scene) -> Iterator[Freeze]:
    """Give the blocks, and remove them afterwards."""
    held = Freeze(scene)
    try:
        yield held
    finally:
        held.let_go()
