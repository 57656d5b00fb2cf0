"""The boundaries of a deployment: before and after each request to the local Azure, and each write of the records.

A request is identified by method, path and its number among equal ones; a member's number is ignored, because it is
random. A write of the records has a number: a turnstile lets one pass at a time.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil

from tests.azure import living
from tests.chaos.scene import Scene
from vmops.core.polling import NotYet, poll_until

RECORD = "RECORD"
_MEMBER = re.compile(r"/(exp1)-(?:[0-2])(?=[-/]|$)")
_ID = re.compile(r"/operations/[^/]+")
_STILL = 10
"""So many polls without activity in a row mean that all processes wait."""


@dataclass(frozen=True)
class Boundary:
    """Before, or after (``done``), the ``number``-th request of a kind, or write of the records (`RECORD`)."""

    method: str
    path: str
    number: int
    done: bool

    def __str__(self) -> str:
        return (
            f"{'after' if self.done else 'before'} {self.method} {self.path.rpartition('/providers/')[2]} {self.number}"
        )

    @property
    def rule(self) -> dict[str, object]:
        """Give the rule that delays the request, or its answer."""
        effect = {"do": "delay", "answer": self.done}
        return {"method": self.method, "path": self.path, "nth": self.number, "effect": effect}


def kind(method: str, path: str) -> tuple[str, str]:
    """Give the kind of a request."""
    return method, _ID.sub("/operations/*", _MEMBER.sub(r"/\1-*", path.rstrip("/")))


def kinds(journal: Iterable[dict[str, object]]) -> Counter[tuple[str, str]]:
    """Count requests by their kind."""
    return Counter(kind(str(each["method"]), str(each["path"])) for each in journal)


def boundaries(found: Counter[tuple[str, str]], writes: int) -> Iterator[Boundary]:
    """Give all boundaries of a deployment, writes first.

    A read is one boundary, because it changes nothing; the process with its answer is killed.
    """
    order = sorted(found, key=lambda each: (each[0] == "GET", each))
    for method, path in order:
        for number in range(1, found[method, path] + 1):
            for done in (False,) if method == "GET" else (False, True):
                yield Boundary(method, path, number, done)
    for number in range(1, writes + 1):
        for done in (False, True):
            yield Boundary(RECORD, "", number, done)


class Turnstile:
    """Lets the writes of the records pass one by one; nobody writes while it holds."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._records = sqlite3.connect(scene.state_dir / "operations.db", isolation_level=None, timeout=60)
        self.passed = 0
        self._hold()

    def _hold(self) -> None:
        self._records.execute("BEGIN IMMEDIATE")

    def let_pass(self, over: Callable[[], bool]) -> bool:
        """Let one write pass; False if the deployment ends before another one."""
        seen = self._version()
        self._records.execute("ROLLBACK")

        def written() -> bool | NotYet:
            ended = over()
            if self._version() != seen:
                return True
            return False if ended else NotYet(0.0005)

        passed = poll_until(written, timeout=300) is True
        self._hold()
        self.passed += passed
        return passed

    def _version(self) -> int:
        version: int = self._records.execute("PRAGMA data_version").fetchone()[0]
        return version

    def all_wait(self, over: Callable[[], bool]) -> bool:
        """Wait until all processes of the fleet wait; False if the deployment ends before."""
        spent, still = -1.0, 0

        def look() -> bool | NotYet:
            nonlocal spent, still
            if over():
                return False
            now = _spent(self._scene)
            still, spent = (still + 1 if now == spent else 0), now
            return still >= _STILL or NotYet(0.02)

        return poll_until(look, timeout=300) is True

    def close(self) -> None:
        """Let all writes pass from now on."""
        self._records.close()


def _spent(scene: Scene) -> float:
    """Give the processor time of the fleet's processes."""
    total = 0.0
    for _, process in living(scene.state_dir):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total
