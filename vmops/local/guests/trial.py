"""Finds out by a trial whether there can be guests here, and explains in a sentence if not."""

import os
import select
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from vmops.local.guests import namespaces
from vmops.local.guests.directory import Directory
from vmops.local.guests.file_system import DISK
from vmops.local.guests.namespaces import ENDED, Plan
from vmops.local.guests.zygote import Zygote

_TIMEOUT = 30.0
"""Seconds for a trial, which normally takes a tenth of one."""

_NAME = ".trial"
_FIRST = ("/bin/sh", "-c", "exit 82")

_SETTINGS = {
    "kernel/apparmor_restrict_unprivileged_userns": "1",
    "kernel/unprivileged_userns_clone": "0",
    "user/max_user_namespaces": "0",
}
"""Settings that forbid namespaces if they have this value.

Source: Ubuntu 23.10, release notes; Debian, linux, its changes; namespaces(7).
"""


def refusal(guests: int, zygote: Zygote) -> str:
    """Say why there can be no guest in the directory that a descriptor stands for; empty if there can."""
    if sys.platform != "linux":
        return "guests need Linux"
    directory = Directory(guests, _NAME)
    try:
        said = _try(directory, zygote)
    except OSError as refused:
        said = refused.strerror or str(refused)
    finally:
        directory.close()
        namespaces.delete(guests, _NAME)
    return _sentence(said) if said else ""


def _try(directory: Directory, zygote: Zygote) -> str:
    """Start a guest that ends at once; give what went wrong."""
    directory.renew("run", {"shim": b"#!/bin/sh\n", "boot_id": b"\n"})
    lock, console = os.open(os.devnull, os.O_RDONLY), directory.console()
    try:
        plan = Plan(_FIRST, "trial", partial(DISK.mkdir, exist_ok=True), _forget)
        waiting = os.pidfd_open(zygote.boot(directory.descriptor, lock, console, plan))
    except ProcessLookupError:  # it has ended already
        waiting = -1
    finally:
        os.close(lock)
        os.close(console)
    if waiting >= 0 and not _ends(waiting):
        return "a trial has not ended in time"
    said = directory.read(ENDED).decode()
    return "" if said == "poweroff" else said or "a trial ended without a word"


def _forget(_directory: int, _pid: int) -> None:
    """Record nothing: a trial ends at once."""


def _ends(process: int) -> bool:
    poller = select.poll()
    poller.register(process, select.POLLIN)
    ended = bool(poller.poll(_TIMEOUT * 1000))
    os.close(process)
    return ended


def _sentence(said: str) -> str:
    """Name the setting of this system that forbids it, or the refusal."""
    for name, forbidding in _SETTINGS.items():
        with suppress(OSError):
            if Path("/proc/sys", name).read_text().strip() == forbidding:
                setting = name.replace("/", ".")
                return f"this system keeps namespaces from those who are not root: {setting} is {forbidding} ({said})"
    return f"this system, or the container that this runs in, does not allow namespaces ({said})"
