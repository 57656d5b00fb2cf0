"""Many VMs at once, made by one peer in a separate process: its wall time, CPU time and memory.

python -m benchmarks.crowd PEER NUMBER STATE_DIR
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from benchmarks.place import end_servers, place, processes
from benchmarks.processors import Parts, processors
from vmops.local import daemon

_SAMPLE = 0.1
"""Seconds between two samples of the memory."""


@dataclass
class Cost:
    """Wall and CPU seconds, and the peak increase of the memory in use, in MB.

    The local Azure's CPU time is excluded. ``parts`` are CPU seconds by kind of process, including the local Azure.
    """

    wall: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0
    parts: Parts = field(default_factory=dict)


def crowd(peer: str, number: int) -> dict[str, Cost]:
    """Let a peer make this number of VMs at once and remove them, on a separate local Azure."""
    with place() as state_dir:
        command = [sys.executable, "-m", "benchmarks.crowd", peer, str(number), str(state_dir)]
        costs: dict[str, Cost] = {}
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            kinds = partial(_kinds, state_dir, psutil.Process(process.pid))
            for phase in ("up", "down"):
                with metered(state_dir) as costs[phase], processors(costs[phase].parts, kinds):
                    print(phase, file=process.stdin, flush=True)
                    said = process.stdout.readline() if process.stdout else ""
                if not said:
                    raise SystemExit(f"{peer} failed with {number} at once")
                costs[phase].wall = float(json.loads(said))
        end_servers(state_dir)
    return costs


@contextmanager
def metered(state_dir: Path) -> Iterator[Cost]:
    """Measure the whole machine, without the local Azure; nothing else may run."""
    daemon.ensure(state_dir)
    cost, azure = Cost(), processes(state_dir, "vmops.local")
    before, busy = psutil.virtual_memory().available, _busy(azure)
    over = threading.Event()
    least = [before]

    def sample() -> None:
        while not over.wait(_SAMPLE):
            least.append(psutil.virtual_memory().available)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield cost
    finally:
        over.set()
        sampler.join()
        cost.cpu = _busy(azure) - busy
        cost.memory = (before - min(least)) / 1e6


def _kinds(state_dir: Path, caller: psutil.Process) -> dict[str, list[psutil.Process]]:
    servers, azure = processes(state_dir, "vmops.jobs.fork_server"), processes(state_dir, "vmops.local")
    return {"the caller": [caller], "the fork server": servers, "the local Azure": azure}


def _busy(azure: list[psutil.Process]) -> float:
    whole, own = psutil.cpu_times(), [process.cpu_times() for process in azure]
    return float(whole.user + whole.system + whole.nice - sum(each.user + each.system for each in own))


def _all_at_once(call: Callable[[str], None], number: int) -> float:
    """Call a function for each VM in a separate thread, and give the seconds until all have returned."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(number) as pool:
        list(pool.map(call, [f"vm{each}" for each in range(number)]))
    return time.perf_counter() - begun


def _peer(name: str, state_dir: Path) -> Any:
    """Import one peer only, because its memory is measured."""
    if name == "vmops":
        from benchmarks.ours import Ours

        return Ours(state_dir)
    if name == "plain":
        from benchmarks.plain import Plain

        return Plain(state_dir)
    if name == "mlos":
        from benchmarks.mlos import Mlos

        return Mlos(state_dir)
    from benchmarks.floor import Floor

    return Floor(state_dir)


def main() -> None:
    """Run a phase for each line of stdin, and print its seconds."""
    _, name, number, state_dir = sys.argv
    sys.stdin.readline()
    peer = _peer(name, Path(state_dir))
    print(_all_at_once(peer.up, int(number)), flush=True)
    sys.stdin.readline()
    print(_all_at_once(peer.down, int(number)), flush=True)


if __name__ == "__main__":
    main()
