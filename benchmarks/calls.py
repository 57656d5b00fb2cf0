"""How long the calls of the contract take on this machine, on a local Azure at pace 0.

    python benchmarks/calls.py [ROUNDS] [--json]

Figures are milliseconds: the median, the least and the 95th percentile of all rounds, after one round that warms up.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from vmops import Settings, Status, VMOps
from vmops.local import daemon
from vmops.protocol import Answer, Params

Figures = dict[str, list[float]]


def timed(figures: Figures, name: str, call: Callable[[], Answer], *expected: Status) -> None:
    """Time one call, which must answer one of the expected statuses."""
    begun = time.perf_counter()
    status, _ = call()
    figures[name].append((time.perf_counter() - begun) * 1000)
    if status not in expected:
        raise SystemExit(f"{name}: {status.name}")


def life(ops: VMOps, figures: Figures) -> None:
    """Live one VM's life, timing each call, and each verb with its wait."""
    params: Params = {"vmName": "bench"}
    begun = time.perf_counter()
    timed(figures, "vm_provision returns", lambda: ops.vm_provision(params), Status.PENDING)
    ops.wait_vm_deployment(True, params)
    figures["provision, to SUCCEEDED"].append((time.perf_counter() - begun) * 1000)
    timed(figures, "vm_provision, no change", lambda: ops.vm_provision(dict(params)), Status.SUCCEEDED)
    for verb in (ops.vm_stop, ops.vm_start, ops.vm_restart):
        timed(figures, "power verb and wait", lambda verb=verb: _and_wait(ops, verb, params), Status.SUCCEEDED)
    timed(figures, "deprovision, to gone", lambda: _gone(ops, params), Status.SUCCEEDED)


def _and_wait(ops: VMOps, verb: Callable[[Params], Answer], params: Params) -> Answer:
    verb(params)
    return ops.wait_vm_operation(params)


def _gone(ops: VMOps, params: Params) -> Answer:
    ops.vm_deprovision(params)
    return ops.wait_vm_deployment(False, params)


def imports(figures: Figures, rounds: int) -> None:
    """Time a fresh interpreter that imports vmops, and one that also makes a VMOps, less a bare one."""
    for _ in range(rounds):
        bare = _python("pass")
        figures["import vmops"].append(_python("import vmops") - bare)
        figures["import vmops; VMOps()"].append(_python("import vmops; vmops.VMOps()") - bare)


def _python(program: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Run the rounds and print the figures."""
    rounds = next((int(word) for word in sys.argv[1:] if word.isdigit()), 5)
    figures: Figures = defaultdict(list)
    with tempfile.TemporaryDirectory() as directory:
        state_dir = Path(directory)
        daemon.ensure(state_dir, 0)
        try:
            ops = VMOps(Settings(state_dir=state_dir, cloud="local"))
            life(ops, defaultdict(list))
            for _ in range(rounds):
                life(ops, figures)
        finally:
            daemon.stop(state_dir)
    imports(figures, rounds)
    show(figures)


def show(figures: Figures) -> None:
    """Print a table, or one JSON object."""
    rows = {
        name: {
            "median": round(statistics.median(values), 1),
            "least": round(min(values), 1),
            "p95": round(sorted(values)[int(0.95 * (len(values) - 1))], 1),
        }
        for name, values in figures.items()
    }
    if "--json" in sys.argv:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'milliseconds':28}{'median':>10}{'least':>10}{'p95':>10}")
    for name, row in rows.items():
        print(f"{name:28}{row['median']:10}{row['least']:10}{row['p95']:10}")


if __name__ == "__main__":
    main()
