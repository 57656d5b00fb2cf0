"""Faults outside Azure, by name: how each starts and ends."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.drifts import DRIFTS
from tests.chaos.governance import LOCKS, POLICIES
from tests.chaos.scene import Scene
from tests.chaos.spoiling import NEWER, SPOILINGS, restore


def _stays(_scene: Scene) -> None:
    """Leave it: a call must repair it."""


@dataclass(frozen=True)
class Mishap:
    """A fault that starts while no worker runs, and tells whether it could; ``go`` ends it."""

    come: Callable[[Scene], bool]
    go: Callable[[Scene], None] = _stays


MISHAPS = {
    **{name: Mishap(come) for name, come in (DRIFTS | SPOILINGS).items()},
    NEWER: Mishap(SPOILINGS[NEWER], restore),
    **{name: Mishap(rule.put, rule.take) for name, rule in (LOCKS | POLICIES).items()},
}
