"""Another user of this host, for tests of what others may not do."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

import pytest

P = ParamSpec("P")
T = TypeVar("T")

UID = 65534
"""A user who owns nothing here."""


def as_another(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Do something in a process of another user, and give what it gives; only root can have such a process."""
    if os.geteuid():
        pytest.skip("what another user may not do is shown by root only: run this test as root")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_as_another, partial(work, *arguments, **named)).result()


def _as_another(work: Callable[[], T]) -> T:
    os.setgroups([])
    os.setresgid(UID, UID, UID)
    os.setresuid(UID, UID, UID)
    return work()
