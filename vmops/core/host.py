"""The identity of this host, from its kernel and its process namespace, and its name, which is not unique."""

import hashlib
import os
import socket
from contextlib import suppress
from pathlib import Path

_MACHINE = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc/self/ns/pid")


def name() -> str:
    """Give the name that is shown for this host: ``VMOPS_HOST``, else the system's host name.

    Inside `vmops run`, where ``VMOPS_OUTPUTS`` is set, ``VMOPS_HOST`` is the VM's address and is ignored here.
    """
    chosen = "" if "VMOPS_OUTPUTS" in os.environ else os.environ.get("VMOPS_HOST", "")
    return chosen or socket.gethostname()


def identity() -> str:
    """Give 32 hexadecimal digits that identify this host until its next boot.

    Two processes get the same digits if they share a process namespace, so a container counts as a host of its own. The
    machine id, the boot id and the number of the process namespace are hashed together, because each alone is
    ambiguous: copied machines share a machine id, containers share a boot id, and namespace numbers repeat on other
    machines. A system without any of these is identified by its host name. Source: machine-id(5), proc_sys_kernel(5),
    pid_namespaces(7).
    """
    machine = next(filter(None, map(_line, _MACHINE)), "")
    parts = (machine, _line(_BOOT), _target(_PROCESSES))
    parts_text = "\n".join(("vmops host", *(parts if any(parts) else (socket.gethostname(),))))
    return hashlib.sha256(parts_text.encode()).hexdigest()[:32]


def boot() -> str:
    """Give 8 hexadecimal digits that identify the current boot of this machine.

    Empty if the system does not say. Source: proc_sys_kernel(5).
    """
    boot_id = _line(_BOOT)
    return hashlib.sha256(f"vmops boot\n{boot_id}".encode()).hexdigest()[:8] if boot_id else ""


def is_this(host_id: str, host_name: str) -> bool:
    """Tell whether a record was written on this host.

    A record from before hosts had identities is compared by host name.
    """
    return host_id == identity() if host_id else host_name == socket.gethostname()


def _line(path: Path) -> str:
    with suppress(OSError):
        return path.read_text().strip()
    return ""


def _target(path: Path) -> str:
    with suppress(OSError):
        return str(path.readlink())
    return ""
