"""A local Azure at pace 0 and a state directory, during a measurement."""

import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import psutil

from vmops.engine.install import locate
from vmops.local import daemon


@contextmanager
def place(pace: float = 0.0, guests: str | None = None) -> Iterator[Path]:
    """Give a state directory with a local Azure and a kind of guests; everything is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        state_dir = Path(directory)
        daemon.ensure(state_dir, pace, guests=guests)
        try:
            yield state_dir
        finally:
            daemon.stop(state_dir)
            end_servers(state_dir)


def end_servers(state_dir: Path) -> None:
    """Kill the fork servers of a state directory, which would stay alive when idle."""
    for process in processes(state_dir, "vmops.jobs.fork_server"):
        process.kill()


def processes(state_dir: Path, module: str) -> list[psutil.Process]:
    """Give the processes of a state directory that run a module, or one of its submodules."""
    commands = [(process, process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    return [
        process
        for process, command in commands
        if str(state_dir) in command and any(f"{word}.".startswith(f"{module}.") for word in command)
    ]


def machine() -> dict[str, str]:
    """Describe this machine and the versions of the tools."""
    model = next((line.split(":")[1].strip() for line in _cpu_lines() if line.startswith("model name")), "")
    return {
        "processor": f"{os.cpu_count()} x {model or platform.machine()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "engine": locate.ENGINE_VERSION,
        "pulumi": version("pulumi"),
        "azure-native": version("pulumi-azure-native"),
        "mlos_bench": version("mlos-bench"),
    }


def _cpu_lines() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
