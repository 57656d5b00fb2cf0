"""The limits of a container take precedence over the resources of the machine."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from vmops.core import control_groups, processes
from vmops.core.control_groups import MemoryLimit
from vmops.jobs import slots

Files = Mapping[str, str]
MIB = 2**20
V1_NONE = "9223372036854771712"
"""What version 1 says where memory is not bounded."""

TOLD = """
import sys
from pathlib import Path
Path(sys.argv[1], "cgroup.procs").write_text("0")
from vmops.core import processes
from vmops.jobs import slots
print(processes.total_memory(), slots.default_concurrency("local"))
print(processes.available_memory() < processes.total_memory())
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Files], None]:
    """Give a function that puts this process into groups: a line of /proc/self/cgroup, and files below the mount."""

    def put(ours: str, files: Files) -> None:
        (tmp_path / "ours").write_text(ours)
        for name, text in files.items():
            (tmp_path / "mount" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "mount" / name).write_text(f"{text}\n")

    monkeypatch.setattr(control_groups, "_MOUNTS", tmp_path / "mount")
    monkeypatch.setattr(control_groups, "_OURS", tmp_path / "ours")
    return put


def test_v2_applies_the_limits_of_all_parent_groups(place: Callable[[str, Files], None]) -> None:
    """A pod's limit applies to its containers; cached files count as available."""
    pod, own = {"pod/memory.max": str(512 * MIB), "pod/memory.current": str(300 * MIB)}, {"pod/a/memory.max": "max"}
    stat = {"pod/memory.stat": f"anon 1\nactive_file 7\ninactive_file {100 * MIB}", "pod/cpu.max": "max 100000"}
    place("0::/pod/a\n", pod | own | stat | {"pod/a/cpu.max": "150000 100000"})
    assert control_groups.memory_limits() == [MemoryLimit(512 * MIB, 312 * MIB)]
    assert control_groups.processor_limits() == [1.5]


def test_v1_reads_the_files_at_the_root_of_the_mount(place: Callable[[str, Files], None]) -> None:
    """A container's group is named by its path on the host, which does not exist inside."""
    memory = {"memory.limit_in_bytes": str(512 * MIB), "memory.usage_in_bytes": str(600 * MIB), "memory.stat": "rss 1"}
    files = {f"memory/{name}": text for name, text in memory.items()}
    files |= {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}
    place("9:memory:/docker/1a2b\n3:cpu,cpuacct:/docker/1a2b\n0::/\n", files)
    assert control_groups.memory_limits() == [MemoryLimit(512 * MIB, 0)]
    assert control_groups.processor_limits() == [0.5]


@pytest.mark.parametrize(
    ("ours", "files"),
    [
        ("", {}),
        ("0::/\n", {}),
        ("0::/\n", {"memory.max": "max", "cpu.max": "max 100000"}),
        (
            "4:memory:/\n1:cpu:/\n",
            {"memory/memory.limit_in_bytes": V1_NONE, "cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
        ),
    ],
)
def test_without_limits_there_are_none(ours: str, files: Files, place: Callable[[str, Files], None]) -> None:
    """Nor on systems without control groups."""
    place(ours, files)
    assert (control_groups.memory_limits(), control_groups.processor_limits()) == ([], [])
    assert processes.available_memory() <= processes.total_memory()


def test_concurrency_fits_the_containers_memory(place: Callable[[str, Files], None]) -> None:
    """With 512 MB it is one worker, however large the machine."""
    place("0::/\n", {"memory.max": str(512 * MIB), "memory.current": "0"})
    assert [slots.default_concurrency(cloud) for cloud in ("local", "public")] == [1, 1]
    place("0::/\n", {"memory.max": "max", "cpu.max": "100000 100000"})
    assert slots.default_concurrency("local") == 2


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes are not bound to processors here")
def test_processor_affinity_limits_concurrency() -> None:
    """As set by ``taskset`` or a cluster's scheduler."""
    bound = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
    told = bound + "from vmops.core import processes; print(processes.processors())"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == "1\n"


@contextmanager
def group(megabytes: int) -> Iterator[Path]:
    """Give a real control group with a memory limit; only root can make one."""
    for mount, most in (
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
        (Path("/sys/fs/cgroup"), "memory.max"),
    ):
        made = mount / f"vmops-test-{os.getpid()}"
        try:
            made.mkdir()
            with (made / most).open("r+") as bound:
                bound.write(str(megabytes * MIB))
        except OSError:
            continue
        try:
            yield made
        finally:
            made.rmdir()
        return
    pytest.skip("no control group can be made here")


def test_a_real_control_group_is_read() -> None:
    """Of either version, so that the paths are verified against the kernel."""
    with group(512) as made:
        told = subprocess.run([sys.executable, "-c", TOLD, made], capture_output=True, text=True, check=True).stdout
    assert told == f"{512 * MIB} 1\nTrue\n"
