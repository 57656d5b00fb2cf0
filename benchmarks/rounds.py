"""One VM at a time, in rounds with each peer in turn; figures are milliseconds."""

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from benchmarks.floor import Floor
from benchmarks.mlos import Mlos
from benchmarks.ours import Ours
from benchmarks.place import place, processes
from benchmarks.plain import Plain

Figures = dict[str, dict[str, list[float]]]
"""The measured values by row and peer."""

VERBS = ("stop", "start", "restart")
_READY = "import vmops; vmops.VMOps().vm_provision({'vmName': 'ready'})"
_THEIRS = (
    "from mlos_bench.services.config_persistence import ConfigPersistenceService; "
    "import mlos_bench.services.remote.azure; ConfigPersistenceService()"
)


def empty() -> Figures:
    """Give empty figures."""
    return defaultdict(lambda: defaultdict(list))


def timed(values: list[float], call: Callable[..., None], *arguments: str) -> None:
    """Time one call."""
    begun = time.perf_counter()
    call(*arguments)
    values.append((time.perf_counter() - begun) * 1000)


def lives(figures: Figures, state_dir: Path, rounds: int) -> None:
    """Run one VM's life with each peer in turn, after a warm-up round of all of them."""
    ours, plain, floor = Ours(state_dir), Plain(state_dir), Floor(state_dir)
    for number in range(rounds + 1):
        into = figures if number else empty()
        _live_ours(into, ours)
        for name, peer in (("plain", plain), ("floor", floor)):
            timed(into["provision"][name], peer.up, name)
            if peer is plain:
                timed(into["no change"][name], plain.again, name)
            else:
                for verb in VERBS:
                    timed(into["power verb"][name], floor.power, name, verb)
            timed(into["deprovision"][name], peer.down, name)
        timed(into["stack removed"]["plain"], plain.forget, "plain")
    (server,) = processes(state_dir, "vmops.jobs.fork_server")
    figures["fork server idle, MB"]["vmops"].append(server.memory_full_info().uss / 1e6)


def _live_ours(into: Figures, ours: Ours) -> None:
    begun = time.perf_counter()
    timed(into["vm_provision returns"]["vmops"], ours.begin, "ours")
    ours.begun("ours")
    into["provision"]["vmops"].append((time.perf_counter() - begun) * 1000)
    ended = ours.ops.operations()[0].ended
    into["wait notices"]["vmops"].append((ours.returned - ended) * 1000)
    timed(into["no change"]["vmops"], ours.again, "ours")
    for verb in VERBS:
        timed(into["power verb"]["vmops"], ours.power, "ours", verb)
    timed(into["deprovision"]["vmops"], ours.down, "ours")


def their_lives(figures: Figures, state_dir: Path, rounds: int) -> None:
    """Measure the same with mlos_bench's service, in which each wait lasts a poll interval."""
    mlos = Mlos(state_dir)
    for number in range(rounds):
        vm = f"mlos{number}"
        timed(figures["provision"]["mlos"], mlos.up, vm)
        for verb in VERBS:
            timed(figures["power verb"]["mlos"], mlos.power, vm, verb)
        timed(figures["deprovision"]["mlos"], mlos.down, vm)


def imports(figures: Figures, rounds: int) -> None:
    """Measure the time of new interpreters, without that of a bare one, and their peak memory in MB (Linux only)."""
    programs = {
        ("import", "vmops"): "import vmops",
        ("import", "mlos"): "import mlos_bench.services.remote.azure",
        ("first call ready", "vmops"): "import vmops; vmops.VMOps()",
        ("first call ready", "mlos"): _THEIRS,
    }
    for _ in range(rounds):
        bare, _ = _python("pass")
        for (row, peer), program in programs.items():
            took, memory = _python(program)
            figures[row][peer].append(took - bare)
            figures[f"{row}, MB"][peer].append(memory)


def first_calls(figures: Figures, rounds: int) -> None:
    """Measure whole programs that make their first call and exit, with imports, records, key and worker."""
    with place() as state_dir:
        for number in range(rounds):
            program = _READY.replace("VMOps()", f"VMOps(vmops.Settings(state_dir={str(state_dir)!r}))")
            bare, _ = _python("pass")
            took, memory = _python(program.replace("'ready'", f"'ready{number}'"))
            figures["first call made"]["vmops"].append(took - bare)
            figures["first call made, MB"]["vmops"].append(memory)
            Ours(state_dir).begun(f"ready{number}")


def _python(program: str) -> tuple[float, float]:
    tell = "; print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    begun = time.perf_counter()
    said = subprocess.run([sys.executable, "-c", program + tell], check=True, capture_output=True, text=True)
    return (time.perf_counter() - begun) * 1000, float(said.stdout) / 1e3


def idle(figures: Figures) -> None:
    """Wait two seconds for a longer deployment, and give the CPU usage of the wait, in % of a core."""
    with place(pace=0.1) as state_dir:
        ours = Ours(state_dir)
        ours.begin("slow")
        ours.ops.wait_vm_deployment(True, {"vmName": "slow", "pollTimeout": 2.0})
        spent, begun = time.process_time(), time.perf_counter()
        ours.ops.wait_vm_deployment(True, {"vmName": "slow", "pollTimeout": 3.0})
        figures["idle, % of a core"]["vmops"].append(
            (time.process_time() - spent) / (time.perf_counter() - begun) * 100
        )
        ours.ops.cancel({"vmName": "slow"})
