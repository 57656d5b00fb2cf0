"""Families of schedules, each played by the simulated and the real engine, with equal results.

One family for each fault of the catalogue and each incident, at each verb, and some with kills of worker and engine.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import Path
from typing import Any

from tests.chaos.drifts import DRIFTS
from tests.chaos.governance import LOCKS, OURS_STRIPPED, POLICIES
from tests.chaos.life import Figures, Life
from tests.chaos.moments import Moment
from tests.chaos.scene import Scene, scene
from tests.chaos.script import MEDDLING, SPOT, Fault, Kill, Script, Step
from tests.chaos.spoiling import SPOILINGS
from tests.simulation.world import world
from vmops.local.arm.faults.catalogue import FAULTS

_PACE = 0.002
_SHARED = {"vmName": "exp1", "resourceGroup": "shared"}
_ONCE: dict[str, int] = {"nth": 1}


def _family(verb: str, fault: str, when: dict[str, int]) -> Script:
    """Give a life in which one verb meets one fault, or an existing VM an incident, which is over at once."""
    met = (Fault(fault, {} if fault in _INCIDENTS else when),)
    params: dict[str, Any] = {"vmName": "exp1"} | (SPOT if fault == "spot-eviction" else {})
    first = Step("provision", faults=met if verb == "provision" and fault not in _INCIDENTS else ())
    second = () if verb == "deprovision" else (Step(verb, faults=met if first.faults == () else ()),)
    last = Step("deprovision", faults=met if verb == "deprovision" else ())
    return Script(steps=(first, *second, last), params=params, pace=0 if fault in _INCIDENTS else _PACE)


def _killed(verb: str, kill: Kill) -> Script:
    """Give a life in which worker and engine are killed during a verb."""
    steps = (Step(each, kills=(kill,) if each == verb else ()) for each in ("provision", "deprovision"))
    return Script(steps=tuple(steps), pace=0.015)


def _mishap(verb: str, name: str) -> Script:
    """Give a life in which a verb meets a fault outside Azure, which is over before the next call."""
    met = (Fault(name),)
    steps = [Step("provision"), Step(verb, faults=met), *((Step("deprovision"),) if verb == "provision" else ())]
    params = {"vmName": "exp1", "tags": "a=b", "dataDisks": [4]}
    return Script(tuple(steps[1:] if name in POLICIES else steps), params, pace=0)


_INCIDENTS = (*MEDDLING, "spot-eviction")
_VERBS = ("provision", "stop", "start", "restart", "deprovision")
_NEVER = {"stop: spot-eviction", "restart: spot-eviction"}
"""Incidents that cannot converge: an evicted VM can neither be stopped nor restarted."""

_PASSING = {"throttled", "throttled-by-compute", "operation-preempted", "retryable-error"}
"""Faults that are retried: if they were always active, each would be retried for minutes."""

_ONCE_EACH = {f"{verb}: {fault}": _family(verb, fault, _ONCE) for verb in _VERBS for fault in (*FAULTS, *_INCIDENTS)}
_ALWAYS = {f"provision: {fault}, always": _family("provision", fault, {}) for fault in FAULTS if fault not in _PASSING}
_KILLED = {
    f"{kill.target} killed in a {verb} at {kill.moment}": _killed(verb, kill)
    for verb, kill in (
        ("provision", Kill("both", Moment("checkpoint", 6))),
        ("provision", Kill("both", Moment("sent", 7))),
        ("provision", Kill("both", Moment("lost", 7))),
        ("provision", Kill("both", Moment("carried-out", 4))),
        ("provision", Kill("state", Moment("checkpoint", 10), "lost")),
        ("deprovision", Kill("both", Moment("checkpoint", 3))),
        ("deprovision", Kill("both", Moment("sent", 2))),
        ("deprovision", Kill("state", Moment("checkpoint", 3), "cut off")),
    )
}
_MISHAPS = {
    f"{verb}: {name}": _mishap(verb, name)
    for verb, names in (
        ("provision", [*DRIFTS, *LOCKS, *(POLICIES.keys() - {OURS_STRIPPED}), *SPOILINGS]),
        ("deprovision", [*LOCKS, *SPOILINGS]),
    )
    for name in sorted(names)
}
"""An incident that changes the group's tags; only the simulation's model covers it."""

FAMILIES = {
    **{name: script for name, script in _ONCE_EACH.items() if name not in _NEVER},
    **_ALWAYS,
    **_KILLED,
    **_MISHAPS,
    "provision: shared": Script(
        (Step("provision"), Step("deprovision")), {"vmName": "exp1", "resourceGroup": "shared"}
    ),
}


def difference(script: Script) -> list[str]:
    """Play a family twice, and give the lines in which the engines differ."""
    double, engine = by_the_double(script), by_the_engine(script)
    return list(unified_diff(double, engine, "double", "engine", lineterm="", n=0))


def by_the_engine(script: Script) -> list[str]:
    """Play a family with the real engine, and describe it."""
    with scene(script.params, script.pace) as stage:
        return _played(stage, script)


def by_the_double(script: Script) -> list[str]:
    """Play it in this process."""
    with _memory() as place, world(place, script.pace), scene(script.params, script.pace) as stage:
        return _played(stage, script)


def _played(stage: Scene, script: Script) -> list[str]:
    """Play a life, and describe each step: the answer, the changes requested of ARM, and the resources."""
    stage.params = {**script.params, "pollInterval": 0.05, "pollTimeout": 120}
    told: list[str] = []
    life = Life(stage, script, Figures(), told.append)
    stage.plant("theirs")
    if "resourceGroup" in script.params:
        stage.plant(script.params["resourceGroup"])
    for step in script.steps:
        seen = len(stage.azure.journal())
        life.take(step)
        told.append(f"{step.verb}: converged")
        if not any(each.kills for each in script.steps):  # with kills the progress varies
            told += [f"  {write}" for write in _writes(stage, seen)]
        told += [f"  there is {arm_id}" for arm_id in sorted(stage.ours())]
    return [line.removesuffix(" (missed)") for line in told]


def _writes(stage: Scene, seen: int) -> list[str]:
    """Give the changes that were requested of ARM since then, sorted: independent ones run in parallel.

    A repeated deletion or power operation counts once, because its repetitions depend on time.
    """
    asked = Counter(
        (each["method"], each["path"].rpartition("/resourceGroups/")[2], each["status"])
        for each in stage.azure.journal()[seen:]
        if each["method"] not in {"GET", "HEAD"}
    )
    told = set[str]()
    for (method, path, status), count in asked.items():
        if method in {"PUT", "PATCH"}:
            told.add(f"{method} {path} {status} x{count}")
        elif status < 400:
            told.add(f"{method} {path}")
    return sorted(told)


@contextmanager
def _memory() -> Iterator[Path]:
    """Give a directory in memory, where there is one; it is the one for temporary files meanwhile."""
    memory = Path("/dev/shm")
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        tempfile.tempdir = place
        try:
            yield Path(place)
        finally:
            tempfile.tempdir = before
