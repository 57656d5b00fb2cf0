"""Many at once: processes that compete for a few VMs, and one process that makes many.

``python -m tests.chaos.crowd fight`` and ``… at-once`` print their figures; both end with a removal of everything.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.chaos.scene import Scene, scene
from vmops import Settings, Status, VMOps
from vmops.core.failures import FailureKind

_VERBS = ("provision", "provision", "provision", "deprovision", "stop", "start", "restart", "wait", "gone", "cancel")
_MAY_BE = {FailureKind.LOCKED, FailureKind.CONFLICT, FailureKind.NOT_FOUND, FailureKind.INTERRUPTED}
"""Kinds of failure that a verb may have in competition: each means that another operation was first."""


def params_of(vm_name: str) -> dict[str, Any]:
    """Give the parameters of a contested VM."""
    return {"vmName": vm_name, "pollInterval": 0.05, "pollTimeout": 120}


def fighter(state_dir: Path, names: list[str], seconds: float, seed: int) -> dict[str, int]:
    """Call verbs on VMs until the time is over, each at least once, and count the answers. The first is a provision.

    An unexpected failure ends it.
    """
    dice, ops = random.Random(seed), VMOps(Settings(state_dir=state_dir, owner="chaos"))
    others = sorted({*_VERBS} - {"provision"})
    first = ["provision", *dice.sample(others, len(others))]
    counts: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while first or time.monotonic() < end:
        params, verb = params_of(dice.choice(names)), first.pop(0) if first else dice.choice(_VERBS)
        status, result = _called(ops, verb, params, patient=dice.random() < 0.5)
        counts[f"{verb} {status.name}"] += 1
        failure = ops.last_failure(params) if status is Status.FAILED else None
        if failure and failure.kind not in _MAY_BE:
            raise AssertionError(f"{verb}: {failure}")
        if "id" in result and result["id"].rpartition("/")[2] != params["vmName"]:
            raise AssertionError(f"{verb} of {params['vmName']} answers of {result['id']}")
    return dict(counts)


def _called(ops: VMOps, verb: str, params: dict[str, Any], *, patient: bool) -> tuple[Status, dict[str, Any]]:
    if verb in {"wait", "gone"}:
        return ops.wait_vm_deployment(verb == "wait", {**params, "pollTimeout": 0 if not patient else 5})
    if verb == "cancel":
        return ops.cancel(params)
    status, result = getattr(ops, f"vm_{verb}")(params)
    return ops.wait_vm_operation(params) if status is Status.PENDING and patient else (status, result)


def fight(stage: Scene, processes: int, names: list[str], seconds: float, seed: int) -> Counter[str]:
    """Let processes compete for VMs, then remove these. Raises: AssertionError."""
    command = [sys.executable, "-m", "tests.chaos.crowd", "fighter", "--state-dir", str(stage.state_dir)]
    command += ["--seconds", str(seconds), "--names", *names]
    started = [
        subprocess.Popen([*command, "--seed", str(seed + number)], stdout=subprocess.PIPE, text=True)
        for number in range(processes)
    ]
    counts: Counter[str] = Counter()
    for process in started:
        said, _ = process.communicate(timeout=seconds + 300)
        assert process.returncode == 0, f"a fighter ended with {process.returncode}"
        counts.update(json.loads(said.splitlines()[-1]))
    remove(stage, names)
    return counts


def at_once(stage: Scene, count: int) -> None:
    """Make many VMs at once from this process, each by a thread, then remove them all. Raises: AssertionError."""
    names = [f"many{number}" for number in range(count)]
    with ThreadPoolExecutor(count) as threads:
        made = list(threads.map(lambda name: _made(stage.ops, name), names))
    assert [each["id"].rpartition("/")[2] for each in made] == names
    assert len({each["publicIp"] for each in made}) == count
    remove(stage, names)


def _made(ops: VMOps, name: str) -> dict[str, Any]:
    params = {**params_of(name), "pollTimeout": 900}
    assert ops.vm_provision(params) == (Status.PENDING, {}), ops.last_failure(params)
    status, result = ops.wait_vm_deployment(True, params)
    assert status is Status.SUCCEEDED, ops.last_failure(params)
    return result


def remove(stage: Scene, names: list[str]) -> None:
    """Remove VMs at the same time, and check that nothing is left. Raises: AssertionError."""
    with ThreadPoolExecutor(len(names)) as threads:
        list(threads.map(lambda name: _gone(stage.ops, name), names))
    assert stage.ours() == set()
    assert stage.touched() == []
    assert stage.debris() == []


def _gone(ops: VMOps, name: str) -> None:
    params = {**params_of(name), "pollTimeout": 900}
    status, _ = ops.vm_deprovision(params)
    if status is Status.PENDING:
        status, _ = ops.wait_vm_deployment(False, params)
    assert status is Status.SUCCEEDED, ops.last_failure(params)


def main() -> None:
    """Run one of them, and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.crowd", description=__doc__)
    parser.add_argument("what", choices=["fight", "at-once", "fighter"])
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--names", nargs="+", default=[f"exp{number}" for number in range(4)])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=32)
    parser.add_argument("--state-dir", type=Path)
    given = parser.parse_args()
    if given.what == "fighter":
        print(json.dumps(fighter(given.state_dir, given.names, given.seconds, given.seed)))
        return
    began = time.monotonic()
    with scene(params_of(given.names[0]), 0.01) as stage:
        stage.plant("theirs")
        if given.what == "fight":
            counts = fight(stage, given.processes, given.names, given.seconds, given.seed)
            print(f"{given.processes} processes, {len(given.names)} VMs: {sum(counts.values())} calls {dict(counts)}")
        else:
            at_once(stage, given.count)
            print(f"{given.count} VMs at once")
    print(f"orphans 0, foreign touched 0, left behind 0, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
