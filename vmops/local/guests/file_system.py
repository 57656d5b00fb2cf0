"""The file system of a guest: this system's programs, read-only, and directories of its own, and nothing else.

Everything is mounted by relative names in the guest's directory, which is the working directory: its user may not enter
any directory above it.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vmops.local.guests import kernel
from vmops.local.guests.kernel import BIND, NO_DEVICES, NO_PROGRAMS, NO_SETUID, PRIVATE, RECURSIVE

ROOT = Path("root")
"""Where the guest's root is assembled."""

DISK = Path("disk")
"""The guest's own directories, which persist while it is off."""

RUN = Path("run")
"""What the guest reports to the host; empty at each boot."""

OWN = ("etc", "home", "root", "var", "opt", "srv", "mnt", "usr/local")
_FRESH = {"tmp": "1777", "run": "755", "dev": "755", "dev/shm": "1777"}
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
_PROGRAMS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32")
"""Directories of programs outside ``/usr``: links into it, or real ones if the system never merged them."""

_SHIMMED = ("sudo", "shutdown", "reboot", "poweroff", "halt", "systemctl", "apt-get", "apt")
"""Commands that mean something else in a guest, or that it lacks: one script replaces all of them."""

CHOICES = Path("/etc/alternatives")
"""Settings of this host that are mounted, and not copied. Source: update-alternatives(1)."""

_OCTAL = re.compile(r"\\([0-7]{3})")
"""How spaces and similar characters are written in a mount's path. Source: proc_pid_mountinfo(5), getmntent(3)."""

_QUIET = NO_SETUID | NO_DEVICES


def build() -> None:
    """Assemble the guest's root and change to it, in new mount and process namespaces.

    Raises: OSError, or RuntimeError, if any of it fails: then there is no guest.
    """
    kernel.mount("", "/", "", PRIVATE | RECURSIVE)
    ROOT.mkdir(exist_ok=True)
    kernel.mount("tmpfs", str(ROOT), "tmpfs", _QUIET, "mode=755,size=4m")
    (ROOT / "usr").mkdir()
    _bind_read_only("/usr")
    for name in _PROGRAMS:
        _show_programs(name)
    for name in OWN:
        _bind_own(name)
    _show_choices()
    for name, mode in _FRESH.items():
        (ROOT / name).mkdir(exist_ok=True)
        kernel.mount("tmpfs", str(ROOT / name), "tmpfs", _QUIET, f"mode={mode}")
    _devices()
    _shims()
    for name in ("proc", "sys"):
        (ROOT / name).mkdir()
    kernel.mount("proc", str(ROOT / "proc"), "proc", _QUIET | NO_PROGRAMS)
    with suppress(OSError):  # a mount that cannot be made read-only is not shown at all
        _bind_read_only("/sys")
    kernel.change_root(str(ROOT))


def complete() -> None:
    """Add what belongs to the innermost namespaces: processes, terminals, this boot's host name, shims."""
    kernel.mount("proc", "/proc", "proc", _QUIET | NO_PROGRAMS)
    Path("/dev/pts").mkdir()
    kernel.mount("devpts", "/dev/pts", "devpts", NO_SETUID | NO_PROGRAMS, "newinstance,ptmxmode=0666,mode=620")
    with suppress(OSError):
        kernel.mount("/run/vmops/boot_id", "/proc/sys/kernel/random/boot_id", "", BIND)
    for name in _SHIMMED:
        _link_shim(Path("/usr/local/bin"), name)


def _link_shim(directory: Path, name: str) -> None:
    """Put a command's shim where the guest looks first; somebody in the guest may have removed it.

    This must not happen before the guest's root is in place: a link in it could lead anywhere on this host.
    """
    with suppress(OSError):
        directory.mkdir(exist_ok=True)
        (directory / name).unlink(missing_ok=True)
        (directory / name).symlink_to("/run/vmops/shim")


def _bind_read_only(directory: str) -> None:
    """Mount a directory of this host, with all mounts below it, read-only."""
    target = f"{ROOT}{directory}"
    kernel.mount(directory, target, "", BIND | RECURSIVE)
    try:
        for place in _mounts_below(directory):
            kernel.restrict(f"{ROOT}{place}", kernel.READ_ONLY | NO_SETUID)
    except OSError:
        kernel.unmount(target)
        raise


def _mounts_below(directory: str) -> Iterator[str]:
    """List the mounts of this host at a directory and below it. Source: proc_pid_mountinfo(5), field 5."""
    yield directory
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = _OCTAL.sub(lambda found: chr(int(found[1], 8)), line.split()[4])
        if place.startswith(f"{directory}/"):
            yield place


def _show_programs(name: str) -> None:
    """Show a directory of programs as this host has it: as a link, or as a directory."""
    here, there = Path("/", name), ROOT / name
    if here.is_symlink():
        there.symlink_to(here.readlink())
    elif here.is_dir():
        there.mkdir()
        _bind_read_only(str(here))


def _show_choices() -> None:
    """Mount the system's alternatives: copying hundreds of links would take half the time of a boot.

    Only into a directory: a link could lead anywhere on this host.
    """
    there = ROOT / CHOICES.relative_to("/")
    if CHOICES.is_dir() and there.is_dir() and not there.is_symlink():
        _bind_read_only(str(CHOICES))


def _bind_own(name: str) -> None:
    own, there = DISK / name.replace("/", "-"), ROOT / name
    own.mkdir(exist_ok=True)
    if not there.is_dir():
        there.mkdir()
    kernel.mount(str(own), str(there), "", BIND)
    kernel.restrict(str(there), _QUIET)


def _devices() -> None:
    for name in _DEVICES:
        (ROOT / "dev" / name).touch()
        kernel.mount(f"/dev/{name}", str(ROOT / "dev" / name), "", BIND)
    for name, target in _LINKS.items():
        (ROOT / "dev" / name).symlink_to(target)


def _shims() -> None:
    """Mount the shims over their commands, and the directory in which init writes reports for the host."""
    mount_point = ROOT / "run/vmops"
    mount_point.mkdir()
    kernel.mount(str(RUN), str(mount_point), "", BIND)
    for name in _SHIMMED:
        for place in ("usr/bin", "usr/sbin"):
            if (ROOT / place / name).exists():
                kernel.mount(str(RUN / "shim"), str(ROOT / place / name), "", BIND)
