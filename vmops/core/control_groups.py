"""The memory and processors that a container may use, as the kernel's control groups limit them (Linux only).

Every group above a process limits it. A container sees its own group at the root of the mount, and none above. With
version 1 the kernel may name the group by its path on the host, which does not exist inside the container. Source:
cgroups(7); Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst;
Documentation/scheduler/sched-bwc.rst.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MOUNTS = Path("/sys/fs/cgroup")
_OURS = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class MemoryLimit:
    """A memory limit in bytes, and how much is left below it. Cached files count as left: the kernel drops them."""

    total: int
    left: int


def memory_limits() -> list[MemoryLimit]:
    """Give the memory limits of this process."""
    return [limit for group in _groups("memory") if (limit := _memory_limit(group))]


def processor_limits() -> list[float]:
    """Give how many processors this process may use at once, one number for each of its limits."""
    return [limit for group in _groups("cpu") if (limit := _processor_limit(group))]


def _groups(controller: str) -> Iterator[Path]:
    """Give the directories of the groups that limit this process, from its own group upwards, as far as visible."""
    for mount, place in _memberships(controller):
        inside = mount / place.lstrip("/")
        yield from (each for each in (inside, *inside.parents) if each.is_relative_to(mount) and each.is_dir())


def _memberships(controller: str) -> Iterator[tuple[Path, str]]:
    """Give where a controller's groups are mounted, and which of them this process is in."""
    for line in _text(_OURS).splitlines():
        _, controllers, place = line.split(":", 2)
        if not controllers:
            yield _MOUNTS, place
        elif controller in controllers.split(","):
            yield _MOUNTS / controller, place


def _memory_limit(group: Path) -> MemoryLimit | None:
    """Read a limit of version 2, or of version 1, where the largest number means no limit."""
    for most, used, cached in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        total = _number(_text(group / most))
        if total is not None and total < 1 << 60:
            again = next((line.split()[1] for line in _text(group / "memory.stat").splitlines() if cached in line), "")
            taken = (_number(_text(group / used)) or 0) - (_number(again) or 0)
            return MemoryLimit(total, max(0, total - taken))
    return None


def _processor_limit(group: Path) -> float | None:
    """Read the share of each period for which a group may use a processor, of version 2 or 1."""
    quota, _, period = _text(group / "cpu.max").partition(" ")
    microseconds = _number(quota or _text(group / "cpu.cfs_quota_us"))
    whole = _number(period or _text(group / "cpu.cfs_period_us"))
    return microseconds / whole if microseconds and whole else None


def _number(text: str) -> int | None:
    """Read a number; None for what is not one, such as ``max``, and for -1."""
    return int(text) if text.isdecimal() else None


def _text(file: Path) -> str:
    with suppress(OSError):
        return file.read_text().strip()
    return ""
