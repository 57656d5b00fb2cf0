"""The moments of kills: recognised at the wire, in the records and in the files, never by a hook.

Progress is blocked at a moment until the kill has struck: the local Azure delays a call, or a test holds the records,
the slot or the engine's lock. Only ``after``, in milliseconds, is not blocked.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.chaos.place import ALL, WRITES, Place, known, todo
from tests.chaos.scene import Scene
from vmops.core import file_lock, keys
from vmops.core.state_dir import liveness_lock_path
from vmops.engine.backend.lock_holder import living_holder
from vmops.jobs.operation import State, Verb

Come = Callable[[], bool]
_KEPT = {"effect": {"do": "delay"}}
_LOOKS = {"path": "*/resourceGroups/*", "effect": {"do": "delay"}}
"""The requests that start a worker's work. A killed engine may still be polling, which has another path."""

COUNTED = ("sent", "carried-out", "lost", "poll", "checkpoint")
"""Moments that occur several times in one call."""


@dataclass(frozen=True)
class Moment:
    """A moment by its name and its number: the n-th write, poll, checkpoint; for ``after``, milliseconds."""

    name: str
    number: int = 1

    def __str__(self) -> str:
        return f"{self.name}-{self.number}"


def that_comes(moment: Moment, scene: Scene, verb: str) -> Moment:
    """Give a moment that certainly comes, where the intended one needs more work than there is."""
    count = len(todo(scene, verb))
    most = count - 1 if moment.name == "checkpoint" else count
    if moment.name in COUNTED:
        return replace(moment, number=(moment.number - 1) % most + 1) if most > 0 else Moment("running")
    nothing = scene.spec.group_id.lower() not in scene.groups() if verb == "deprovision" else not count
    return Moment("ended") if nothing and moment.name in {"engine-locked", "engine-unlocked", "removing"} else moment


def watch(moment: Moment, place: Place) -> Come:
    """Give a check whether the moment has come, to be used from just before the call."""
    return _MOMENTS[moment.name](place, moment.number)


def _admitted(place: Place, _number: int) -> Come:
    """The caller has the lock, and no record yet."""
    place.freeze.keep_records()
    verb = Verb(place.verb)
    return lambda: (
        file_lock.is_locked(liveness_lock_path(place.scene.state_dir, place.scene.stack, verb)) and not place.fresh()
    )


def _recorded(place: Place, _number: int) -> Come:
    """The record exists, and no worker yet."""
    place.freeze.keep_slots()

    def come() -> bool:
        now = place.fresh()
        return now is not None and now.state is State.PENDING

    return come


def _running(place: Place, _number: int) -> Come:
    """The worker sends its first request. The VM's key exists, so that its caller sends none."""
    keys.ssh_public_key(place.scene.state_dir, place.scene.stack)
    place.freeze.keep(_LOOKS)
    return lambda: bool(place.scene.kept()) and _runs(place)


def _runs(place: Place) -> bool:
    now = place.fresh()
    return now is not None and now.state is State.RUNNING


def _ended(place: Place, _number: int) -> Come:
    """Everything is done, but not recorded."""
    return _unrecorded(place, _LOOKS, lambda: place.logged("ended"))


def _removed(place: Place, _number: int) -> Come:
    """The stack is removed, and that is not recorded."""
    return _unrecorded(place, _LOOKS, lambda: not place.scene.state_file.exists())


def _unlocked(place: Place, _number: int) -> Come:
    """An update's engine has released its lock, and its worker continues."""
    if place.verb == "deprovision":
        place.freeze.keep(_listing(place))
        return lambda: bool(place.scene.kept()) and not place.scene.engine_locks()
    return _unrecorded(place, place.writes(1), lambda: not place.scene.engine_locks())


def _unrecorded(place: Place, first: dict[str, Any], holds: Come) -> Come:
    """Stop at a call, block the records, and continue until a condition holds.

    The worker cannot write its last record.
    """
    place.freeze.keep(first)

    def come() -> bool:
        if place.freeze.keeps_records:
            return holds()
        if place.scene.kept() and _runs(place):
            place.freeze.keep_records()
            place.freeze.keep()
        return False

    return come


def _listing(place: Place) -> dict[str, Any]:
    """Give the rule that delays the worker's survey after the engine's destroy.

    It is the second of its kind: the first checks ownership.
    """
    return {"method": "GET", "path": f"*/resourceGroups/{place.scene.spec.resource_group}/resources", "nth": 2, **_KEPT}


def _removing(place: Place, _number: int) -> Come:
    """The engine that will remove the stack has started: another one has the stack's lock."""
    place.freeze.keep(_listing(place))

    def come() -> bool:
        if place.freeze.keeps_engine:
            return place.logged("waiting") and place.scene.state_file.exists()
        if place.scene.kept():
            place.freeze.keep_engine()
            place.freeze.keep()
        return False

    return come


def _locked(place: Place, _number: int) -> Come:
    """A living engine has the stack's lock, and no write is carried out."""
    place.freeze.keep(place.writes(1))
    return lambda: any(living_holder(path, place.scene.notes) for path in place.scene.engine_locks())


def _sent(place: Place, number: int) -> Come:
    """A write was sent, and neither it nor another is carried out."""
    place.freeze.keep(place.writes(number))
    return lambda: bool(place.scene.kept())


def _carried_out(place: Place, number: int) -> Come:
    """A write was carried out without an answer, and others are delayed."""
    place.freeze.keep(place.write(number, do="delay", answer=True), place.writes(number + 1))
    return lambda: bool(place.scene.kept())


def _lost(place: Place, number: int) -> Come:
    """A write was carried out, and its answer is lost; others are delayed."""
    lose = place.write(number, do="lose", answer="timeout" if place.patient else "none")
    place.freeze.keep(lose, place.writes(number + 1))
    seen = len(place.scene.azure.journal())
    return lambda: any(
        each["method"] == WRITES[place.verb] and each["status"] in {0, 504}
        for each in place.scene.azure.journal()[seen:]
    )


def _poll(place: Place, number: int) -> Come:
    """An operation is polled, and this and later polls get no answer."""
    place.freeze.keep({**_KEPT, "method": "GET", "path": "*/operations/*", "nth": number, "times": ALL})
    return lambda: bool(place.scene.kept())


def _checkpoint(place: Place, number: int) -> Come:
    """The engine's state has so many more writes, and others are delayed."""
    place.freeze.keep(place.writes(number + 1))

    def done() -> int:
        now = known(place.scene)
        return len(place.todo - now if place.verb == "deprovision" else place.todo & now)

    return lambda: bool(place.scene.kept()) and done() >= number


def _after(_place: Place, milliseconds: int) -> Come:
    due = time.monotonic() + milliseconds / 1000
    return lambda: time.monotonic() >= due


_MOMENTS: dict[str, Callable[[Place, int], Come]] = {
    "admitted": _admitted,
    "recorded": _recorded,
    "running": _running,
    "engine-locked": _locked,
    "sent": _sent,
    "carried-out": _carried_out,
    "lost": _lost,
    "poll": _poll,
    "checkpoint": _checkpoint,
    "engine-unlocked": _unlocked,
    "removing": _removing,
    "removed": _removed,
    "ended": _ended,
    "after": _after,
}
