"""Which host this is: told by its kernel and by whose processes it sees, and shown by a name that others may have."""

import hashlib
import os
import socket
from contextlib import suppress
from pathlib import Path

_MACHINE = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc/self/ns/pid")


def name() -> str:
    """Give the name by which this host is shown: ``VMOPS_HOST``, else the system's.

    In what `vmops run` runs, where ``VMOPS_OUTPUTS`` is set, the former is the address of a VM.
    """
    chosen = "" if "VMOPS_OUTPUTS" in os.environ else os.environ.get("VMOPS_HOST", "")
    return chosen or socket.gethostname()


def identity() -> str:
    """Tell this host, from its boot to its end, from all others: 32 hexadecimal digits.

    Who has the same sees the same processes under the same numbers, so a container is a host of its own. Copied
    machines have one machine id, the containers of a machine its boot id, and the first processes of all machines a
    name space of one number: only together they tell. None of them can be read from it. Where the system has none of
    them, its name stands in. Source: machine-id(5), proc_sys_kernel(5), pid_namespaces(7).
    """
    machine = next(filter(None, map(_line, _MACHINE)), "")
    parts = (machine, _line(_BOOT), _target(_PROCESSES))
    told = "\n".join(("vmops host", *(parts if any(parts) else (socket.gethostname(),))))
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def boot() -> str:
    """Tell the running system from any other, on this machine before its last boot too: 8 hexadecimal digits.

    Empty where the system does not tell. Source: proc_sys_kernel(5).
    """
    told = _line(_BOOT)
    return hashlib.sha256(f"vmops boot\n{told}".encode()).hexdigest()[:8] if told else ""


def is_this(host_id: str, host_name: str) -> bool:
    """Tell whether a record is of this host; one of before there were identities is told by the system's name."""
    return host_id == identity() if host_id else host_name == socket.gethostname()


def _line(path: Path) -> str:
    with suppress(OSError):
        return path.read_text().strip()
    return ""


def _target(path: Path) -> str:
    with suppress(OSError):
        return str(path.readlink())
    return ""
