"""Another user of this host, for tests of what others may not do."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

UID = 65534
"""A user who owns nothing here."""


@contextmanager
def another_user(within: Path | None = None) -> Iterator[Callable[..., "Future[Any]"]]:
    """Give what hands work to a process of another user; only root can have one."""
    if os.geteuid():
        pytest.skip("what another user may not do is shown by root only: run this test as root")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield lambda work, *arguments: pool.submit(_as_another, partial(work, *arguments), within)


def as_another(work: Callable[..., T], *arguments: Any, within: Path | None = None) -> T:
    """Do something in a process of another user, which begins in a directory, and give what it gives."""
    with another_user(within) as submit:
        result: T = submit(work, *arguments).result()
        return result


def _as_another(work: Callable[[], T], within: Path | None) -> T:
    """Become another user, and work; what this needs of ours was imported before."""
    os.chdir(within or "/")
    os.setgroups([])
    os.setresgid(UID, UID, UID)
    os.setresuid(UID, UID, UID)
    return work()
