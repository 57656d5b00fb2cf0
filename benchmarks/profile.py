"""The profile of one VM: the parts of its wall time."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.ours import Ours
from benchmarks.place import place
from benchmarks.processors import Parts
from vmops import Settings, VMOps
from vmops.engine.install import locate

_ENGINE = """#!/bin/sh
begun=$(date +%s.%N)
"{engine}" "$@"
code=$?
echo "$begun" "$(date +%s.%N)" "$@" >> "{log}"
exit $code
"""
"""An engine that records the start and the end of each of its processes."""


def one_life() -> dict[str, Parts]:
    """Provision and deprovision a VM after a warm-up, and give the milliseconds by row and part.

    Recording adds some milliseconds to each engine process; the process that prints the version is needed only here.
    """
    with place() as state_dir:
        log, engine = state_dir / "engines", state_dir / "watched"
        engine.write_text(_ENGINE.format(engine=locate.path(), log=log))
        engine.chmod(0o755)
        ours = Ours(state_dir)
        ours.ops = VMOps(Settings(state_dir=state_dir, cloud="local", engine=str(engine)))
        ours.up("warm")
        ours.down("warm")
        calls = {"provision": ours.up, "deprovision": ours.down}
        return {row: _parts(ours, log, call) for row, call in calls.items()}


def _parts(ours: Ours, log: Path, call: Callable[[str], None]) -> Parts:
    log.write_text("")
    begun = time.time()
    call("profiled")
    over = time.time()
    operation, engines = ours.ops.operations()[0], _engines(log.read_text().splitlines())
    parts = {"call to worker": operation.started - begun, **engines, "noticed": over - operation.ended}
    parts["worker's own"] = operation.ended - operation.started - sum(engines.values())
    return {name: seconds * 1000 for name, seconds in parts.items()}


def _engines(lines: Iterable[str]) -> Parts:
    seconds: Parts = {}
    for line in lines:
        begun, ended, *words = line.replace("--non-interactive", "").split()
        name = " ".join(["engine", *words[: 2 if words[0] == "stack" else 1]])
        seconds[name] = seconds.get(name, 0.0) + float(ended) - float(begun)
    return seconds


def told(name: str, parts: Parts) -> str:
    """Format a profile in milliseconds as a line, the largest part first."""
    ranked = sorted(parts.items(), key=lambda part: -part[1])
    return f"  {name}: " + ", ".join(f"{part} {value:.0f}" for part, value in ranked if value >= 1)
