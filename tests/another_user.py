"""Another user of this host, for tests of what other users may not do."""

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
"""A user without any files here."""


@contextmanager
def another_user(within: Path | None = None) -> Iterator[Callable[..., "Future[Any]"]]:
    """Give a function that runs work in a process of another user; only root can switch users."""
    if os.geteuid():
        pytest.skip("what another user may not do is shown by root only: run this test as root")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield lambda work, *arguments: pool.submit(_as_another, partial(work, *arguments), within)


def as_another(work: Callable[..., T], *arguments: Any, within: Path | None = None) -> T:
    """Run a function in a process of another user, which starts in a directory, and give its result."""
    with another_user(within) as submit:
        result: T = submit(work, *arguments).result()
        return result


def _as_another(work: Callable[[], T], within: Path | None) -> T:
    """Switch to another user, and run the work; its imports were made before."""
    os.chdir(within or "/")
    os.setgroups([])
    os.setresgid(UID, UID, UID)
    os.setresuid(UID, UID, UID)
    return work()
