"""Leaving root, for a user that is nobody else's: to root on this host, namespaces alone are no walls.

In its own user namespace real root may still write to what belongs to real root outside: ``/proc/sys``, ``/sys``.
"""

import grp
import os
import pwd
import random
from contextlib import suppress
from pathlib import Path

from vmops.core.processes import users
from vmops.local.guests import kernel

_LOWEST, _HIGHEST = 100_000, 0xFFFF_FFFD
_SHORTS = (0xFFFE, 0xFFFF)
"""Nobody, and what no user may be where they have sixteen bits."""

_TRIES = 100


def spare_user(directory: Path) -> int:
    """Give the user who owns the guests' directory if that is not root, else one who is nobody on this host.

    Raises: OSError if there is none: in a container that was given few users.
    """
    owner = directory.stat().st_uid
    if owner and not _has_account(owner):
        return owner
    taken = users()
    for _ in range(_TRIES):
        user = _any_user()
        if user not in taken and user not in _SHORTS and not _has_account(user) and not _is_lent(user):
            return user
    raise OSError(0, "there is no user to spare on this host")


def confine(user: int | None) -> None:
    """Be able to do nothing outside any more, for good: as another user, where there is one to become."""
    if user is not None:
        become(user)
    os.chdir("/")
    kernel.keep_privileges()
    kernel.keep_others_out()


def become(user: int) -> None:
    """Be a user for good, and of no group but one of the same number."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _any_user() -> int:
    """Draw one of those that there are here. Source: user_namespaces(7), uid_map.

    Raises: OSError if there are none but low ones, which accounts have.
    """
    found = (tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines())
    ranges = [(max(first, _LOWEST), min(first + count - 1, _HIGHEST)) for first, _, count in found]
    high = [each for each in ranges if each[0] < each[1]]
    if not high:
        raise OSError(0, "there is no user to spare in this container")
    return random.randint(*max(high, key=lambda each: each[1] - each[0]))  # noqa: S311 - it is no secret


def _has_account(user: int) -> bool:
    for look in (pwd.getpwuid, grp.getgrgid):
        with suppress(KeyError):
            look(user)
            return True
    return False


def _is_lent(user: int) -> bool:
    """Tell whether a user is lent to somebody's containers. Source: subuid(5)."""
    with suppress(OSError):
        for line in Path("/etc/subuid").read_text().splitlines():
            _, first, count = [*line.split(":"), "", ""][:3]
            if first.isdecimal() and count.isdecimal() and int(first) <= user < int(first) + int(count):
                return True
    return False
