"""The costs of a fleet: relative to single VMs, without a change, for a replacement, and at slower paces of Azure.

    python -m benchmarks.fleet [SMALL [LARGE]]

It also writes benchmarks/results/fleet.json. CPU seconds are those of workers and engines. Wall times are used only for
ratios within one run.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks import measured
from benchmarks.measured import Row
from benchmarks.place import machine, place, processes
from vmops import Settings, Status, VMOps
from vmops.deploy.circumstances import Circumstances
from vmops.engine import breadth
from vmops.protocol import Params

_SAMPLE = 0.2
"""Seconds between two samples of the memory."""
_TOO_MANY_REQUESTS = 429
_TIMES = 9
"""Number of calls for the median of a call that takes milliseconds."""


class Meter:
    """The CPU seconds of workers and engines, and their peak memory together, in MB."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self.cpu = self.memory = 0.0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Measure a block."""
        before, over, self.memory = self._spent(), threading.Event(), 0.0
        sampler = threading.Thread(target=self._sample, args=(over,))
        sampler.start()
        try:
            yield
        finally:
            over.set()
            sampler.join()
            self.cpu = self._spent() - before

    def _spent(self) -> float:
        times = [each.cpu_times() for each in processes(self._state_dir, "vmops.jobs.fork_server")]
        return float(sum(each.children_user + each.children_system for each in times))

    def _sample(self, over: threading.Event) -> None:
        while not over.wait(_SAMPLE):
            self.memory = max(self.memory, sum(map(_resident, self._workers())) / 1e6)

    def _workers(self) -> set[psutil.Process]:
        """Give the children of fork servers; a worker has the command line of its server, and is found as one, too."""
        servers = processes(self._state_dir, "vmops.jobs.fork_server")
        with suppress(psutil.NoSuchProcess):
            return {child for server in servers for child in server.children(recursive=True)}
        return set()


def _resident(process: psutil.Process) -> int:
    """Give the memory of a process, in which a shared page is divided among its users."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.NoSuchProcess:
        return 0


class Fleet:
    """One fleet, as a program requests it."""

    def __init__(self, state_dir: Path, **params: object) -> None:
        self.ops = VMOps(Settings(state_dir=state_dir, cloud="local"))
        self.params: Params = {"pollTimeout": 3000, "vmSize": "Standard_D2s_v5", **params}

    def up(self, **changes: object) -> None:
        """Provision it, and wait until it runs."""
        params: Params = {**self.params, **changes}
        _see(self.ops, params, self.ops.vm_provision(params)[0], Status.PENDING)
        _see(self.ops, params, self.ops.wait_vm_deployment(True, params)[0], Status.SUCCEEDED)

    def renew(self, member: int) -> None:
        """Replace one member."""
        params: Params = {**self.params, "member": member}
        _see(self.ops, params, self.ops.replace(params)[0], Status.PENDING)
        _see(self.ops, params, self.ops.wait_vm_deployment(True, params)[0], Status.SUCCEEDED)

    def down(self) -> None:
        """Deprovision it, and wait until it is gone."""
        params: Params = dict(self.params)
        _see(self.ops, params, self.ops.vm_deprovision(params)[0], Status.PENDING)
        _see(self.ops, params, self.ops.wait_vm_deployment(False, params)[0], Status.SUCCEEDED)


def _see(ops: VMOps, params: Params, status: Status, expected: Status) -> None:
    if status is not expected:
        raise SystemExit(f"{status.name}, not {expected.name}: {ops.last_failure(params)}")


def beside_stacks(number: int) -> list[Row]:
    """Measure a fleet and the same number of single VMs, one after the other on one local Azure."""
    with place() as state_dir:
        Fleet(state_dir, vmName="warm").up()
        meter, fleet = Meter(state_dir), Fleet(state_dir, vmName="fleet", vmCount=number)
        alone = [Fleet(state_dir, vmName=f"vm{each}") for each in range(number)]
        one = [_cpu(meter, work) for work in (fleet.up, fleet.down)]
        many = [_cpu(meter, lambda phase=phase: _all(alone, phase)) for phase in ("up", "down")]  # type: ignore[misc]
    return [
        Row(f"make {number} members: CPU time, relative to {number} single VMs", one[0] / many[0], 0.20),
        Row(f"remove {number} members: CPU time, relative to {number} single VMs", one[1] / many[1], 0.15),
    ]


def _cpu(meter: Meter, work: Callable[[], object]) -> float:
    with meter():
        work()
        time.sleep(0.5)  # a worker's time counts once it is reaped
    return meter.cpu


def _all(fleets: list[Fleet], phase: str) -> None:
    with ThreadPoolExecutor(len(fleets)) as pool:
        list(pool.map(lambda each: getattr(each, phase)(), fleets))


def one_of(number: int) -> list[Row]:
    """Measure a large fleet: its creation, a provision without a change, an empty update, and a replacement."""
    with place() as state_dir:
        Fleet(state_dir, vmName="warm").up()
        meter, fleet = Meter(state_dir), Fleet(state_dir, vmName="fleet", vmCount=number)
        up = _cpu(meter, fleet.up)
        memory = meter.memory
        same = median(_again(fleet) for _ in range(_TIMES))
        empty = _cpu(meter, lambda: fleet.up(minCount=1))
        renewed = _cpu(meter, lambda: fleet.renew(number // 2))
    return [
        Row(f"make {number} members: CPU seconds per VM", up / number, 0.35),
        Row(f"make {number} members: most memory of workers and engines, MB", memory, 450),
        Row(f"provision of {number} members without a change, ms", same, 50),
        Row(f"replace one of {number} members: CPU time, relative to an update without a change", renewed / empty, 1.2),
    ]


def _again(fleet: Fleet) -> float:
    """Provision a fleet without a change, and give the milliseconds."""
    begun = time.perf_counter()
    _see(fleet.ops, fleet.params, fleet.ops.vm_provision(dict(fleet.params))[0], Status.SUCCEEDED)
    return (time.perf_counter() - begun) * 1000


def at_once(number: int, pace: float) -> list[Row]:
    """Measure a fleet at a pace at which a VM takes seconds, relative to the engine's default parallelism."""
    walls = []
    for at_most in (breadth.at_once, lambda _: None):
        with place(pace) as state_dir:
            walls.append(_wall(state_dir, number, at_most))
    name = f"make {number} members at pace {pace:g}: time, relative to Pulumi's own parallelism"
    return [Row(name, walls[0] / walls[1], 0.5)]


def _wall(state_dir: Path, number: int, at_most: Callable[[int], int | None]) -> float:
    """Deploy in this process as a worker does, and give the seconds."""
    from vmops.core import file_lock, keys
    from vmops.core.state_dir import lock_path
    from vmops.deploy import steps
    from vmops.deploy.context import open_for_change
    from vmops.jobs.stack_records import StackRecords
    from vmops.jobs.store import Store
    from vmops.spec.vm_spec import VmSpec

    settings = Settings(state_dir=state_dir, cloud="local")
    spec = VmSpec.from_params({"vmName": "fleet", "vmCount": number, "vmSize": "Standard_D2s_v5", "pollInterval": 0.1})
    spec = spec.with_key(keys.ssh_public_key(state_dir, spec.stack))
    held, ours = file_lock.acquire(lock_path(state_dir, spec.stack)), breadth.at_once
    setattr(breadth, "at_once", at_most)  # noqa: B010 - a function of a module
    try:
        records = StackRecords(Store(state_dir), spec.stack)
        with open_for_change(settings, spec, records, (held or 0,), longest=None) as site:
            begun = time.perf_counter()
            steps.provision(site, spec, Circumstances())
            return time.perf_counter() - begun
    finally:
        breadth.at_once = ours


def at_azures_pace(number: int) -> list[Row]:
    """Measure a fleet and a single VM at Azure's own pace, with a simulated clock, and count throttled requests."""
    calls = [_stepped(each) for each in (1, number)]
    one, many = (each[-1]["at"] - each[0]["at"] for each in calls)
    refused = sum(each["status"] == _TOO_MANY_REQUESTS for each in calls[1])
    return [
        Row(f"make {number} members at Azure's pace: simulated time, relative to one VM", many / one, 1.5),
        Row(f"make {number} members at Azure's pace: requests refused as too many", refused, 0),
    ]


def _stepped(number: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        command = [sys.executable, "-m", "tests.functional.stepped", directory, str(number)]
        subprocess.run(command, check=True)
        calls: list[dict[str, Any]] = json.loads(Path(directory, "wire.json").read_text())
    return calls


def main() -> None:
    """Measure, print, write."""
    small, large = (int(sys.argv[each]) if len(sys.argv) > each else most for each, most in ((1, 24), (2, 100)))
    rows: list[Row] = []
    of_small = (partial(at_once, small, 0.1), partial(beside_stacks, small))
    for measure in (*of_small, partial(one_of, large), partial(at_azures_pace, large)):
        found = measure()
        print(*found, sep="\n", flush=True)
        rows += found
    measured.write("fleet", {"machine": machine(), "rows": [row.as_dict() for row in rows]})


if __name__ == "__main__":
    main()
