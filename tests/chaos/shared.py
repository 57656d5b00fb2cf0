"""The same lives with records in PostgreSQL: one host works, in the state directory of the life."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.mishaps import MISHAPS
from tests.chaos.moments import Moment
from tests.chaos.scene import Around
from tests.chaos.script import Kill, Script, Step
from tests.functional.cluster import Host
from tests.postgres import Postgres
from vmops import Settings
from vmops.ops import cluster

_MOMENTS = ("sent", "carried-out", "lost", "poll", "after")
"""Moments that the local Azure blocks; all others are in files that such a host does not have."""


def working(server: Postgres) -> Around:
    """Give a database and a working host around each life."""

    @contextmanager
    def around(state_dir: Path) -> Iterator[None]:
        told = {
            **server.environment,
            "VMOPS_DATABASE_URL": server.database().partition("?")[0],
            "VMOPS_CLAIM_SECONDS": "2",
            "VMOPS_CLAIM_RENEW": "0.5",
            "VMOPS_OWNER": "chaos",
        }
        with pytest.MonkeyPatch.context() as environment:
            for name, value in told.items():
                environment.setenv(name, value)
            cluster.initialise(Settings(state_dir=state_dir))
            host = Host("one", state_dir, told)
            host.work("--slots", "1")
            try:
                yield
            finally:
                host.die()

    return around


def of_host(script: Script) -> Script:
    """Give a life without kills and damage at files that such a host does not have."""
    return replace(script, steps=tuple(map(_step, script.steps)))


def _step(step: Step) -> Step:
    faults = tuple(each for each in step.faults if each.name not in MISHAPS)
    return replace(step, kills=tuple(map(_kill, step.kills)), faults=faults)


def _kill(kill: Kill) -> Kill:
    moment = kill.moment if kill.moment.name in _MOMENTS else Moment("sent", 1)
    return replace(kill, moment=moment, target="both" if kill.target == "state" else kill.target)
