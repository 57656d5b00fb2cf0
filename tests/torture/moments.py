"""The moments at which something is killed: told at the wire, by the records and by the files, never by a hook."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.torture.scene import Scene
from vmops import lock
from vmops.operation import State

Come = Callable[[], bool]
_WRITES = {"provision": "PUT", "deprovision": "DELETE", "start": "POST", "stop": "POST", "restart": "POST"}
_DELAY = 0.3
"""Seconds for which a write that is to be met on its way is kept from being carried out."""


@dataclass(frozen=True)
class Moment:
    """A moment by its name and its number: the n-th write, poll, checkpoint; for ``after``, milliseconds."""

    name: str
    number: int = 1

    def __str__(self) -> str:
        return f"{self.name}-{self.number}"


def draw(dice: random.Random, verb: str) -> Moment:
    """Draw a moment that a verb may come by."""
    deploys = verb in {"provision", "deprovision"}
    names = ["sent", "lost", "answered", "poll", "after", "after"]
    if deploys:
        names += ["pending", "running", "locked", "engine-locked", "engine-unlocked", "checkpoint", "checkpoint"]
    if verb == "deprovision":
        names += ["removed"]
    name = dice.choice(names)
    most = {"sent": 7, "lost": 7, "answered": 7, "poll": 5, "checkpoint": 16}
    if name == "after":
        return Moment(name, dice.randrange(1, 1500 if deploys else 100))
    return Moment(name, dice.randint(1, most.get(name, 1)) if deploys else 1)


def prepare(moment: Moment, scene: Scene, verb: str, pace: float, *, silent: bool) -> None:
    """Have the local Azure do what brings the moment about; ``silent``: the connection is lost, not timed out."""
    rule: dict[str, Any] = {"method": _WRITES[verb], "path": "*", "nth": moment.number}
    if moment.name == "sent":
        scene.faults({**rule, "effect": {"do": "delay", "seconds": _DELAY / pace}})
    elif moment.name == "lost":
        scene.faults({**rule, "effect": {"do": "lose", "answer": "none" if silent else "timeout"}})


def watch(moment: Moment, scene: Scene, verb: str) -> Come:
    """Give the question whether the moment has come, to be asked from just before the verb is called."""
    seen = len(scene.azure.journal())
    return {
        "sent": lambda: _writes(scene, verb, seen) >= moment.number,
        "lost": lambda: _writes(scene, verb, seen, answered={0, 504}) >= 1,
        "answered": lambda: _writes(scene, verb, seen, answered={200, 201, 202, 204}) >= moment.number,
        "poll": lambda: _polls(scene, seen) >= moment.number,
        "pending": _record(scene, State.PENDING),
        "running": _record(scene, State.RUNNING),
        "locked": lambda: any(map(lock.held, (scene.state_dir / "locks").glob(f"{scene.spec.stack}.*"))),
        "engine-locked": lambda: bool(scene.engine_locks()),
        "engine-unlocked": _fell(lambda: bool(scene.engine_locks())),
        "checkpoint": _changes(scene, moment.number),
        "removed": _fell(scene.state_file.exists),
        "after": _after(moment.number / 1000),
    }[moment.name]


def _writes(scene: Scene, verb: str, seen: int, answered: set[int] | None = None) -> int:
    return sum(
        each["method"] == _WRITES[verb] and (answered is None or each["status"] in answered)
        for each in scene.azure.journal()[seen:]
    )


def _polls(scene: Scene, seen: int) -> int:
    return sum("/operations/" in each["path"].lower() for each in scene.azure.journal()[seen:])


def _record(scene: Scene, state: State) -> Come:
    store, stack = scene.store(), scene.stack
    before = store.latest(stack)

    def come() -> bool:
        now = store.latest(stack)
        fresh = now is not None and (before is None or now.id != before.id)
        return fresh and now is not None and now.state in {state, State.RUNNING}

    return come


def _fell(holds: Callable[[], bool]) -> Come:
    """Tell whether something held and does not any more."""
    held = False

    def come() -> bool:
        nonlocal held
        now = holds()
        held, before = held or now, held
        return before and not now

    return come


def _changes(scene: Scene, number: int) -> Come:
    """Tell whether the engine's state was written so many times."""
    written: list[tuple[int, int]] = []

    def look() -> tuple[int, int]:
        try:
            found = scene.state_file.stat()
        except FileNotFoundError:
            return (0, 0)
        return (found.st_mtime_ns, found.st_size)

    def come() -> bool:
        if not written or written[-1] != look():
            written.append(look())
        return len(written) > number

    return come


def _after(seconds: float) -> Come:
    due = time.monotonic() + seconds
    return lambda: time.monotonic() >= due
