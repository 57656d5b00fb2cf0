"""Gives root up for a user that nobody else has: against root of this host, namespaces alone do not isolate.

Even in its own user namespace, root of this host may write to files of root outside, in ``/proc/sys`` and ``/sys``.
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
"""nobody, and a user that is invalid where user ids have sixteen bits."""

_TRIES = 100


def spare_user(directory: Path) -> int:
    """Give the owner of the guests' directory unless that is root, else a user id that nobody has on this host.

    Raises: OSError if there is none: in a container with few user ids.
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
    """Permanently give up all privileges outside: change to another user if that is possible."""
    if user is not None:
        become(user)
    os.chdir("/")
    kernel.keep_privileges()
    kernel.keep_others_out()


def become(user: int) -> None:
    """Change permanently to a user, with only the group of the same number."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _any_user() -> int:
    """Draw one of the user ids that exist here. Source: user_namespaces(7), uid_map.

    Raises: OSError if there are only low ones, which accounts have.
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
    """Tell whether a user id is assigned to somebody's containers. Source: subuid(5)."""
    with suppress(OSError):
        for line in Path("/etc/subuid").read_text().splitlines():
            _, first, count = [*line.split(":"), "", ""][:3]
            if first.isdecimal() and count.isdecimal() and int(first) <= user < int(first) + int(count):
                return True
    return False
