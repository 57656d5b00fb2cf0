"""What goes wrong beside Azure's own failures, by name: how it comes about, and how it is over."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.drifts import DRIFTS
from tests.chaos.governance import LOCKS, POLICIES
from tests.chaos.scene import Scene
from tests.chaos.spoiling import NEWER, SPOILINGS, restore


def _stays(_scene: Scene) -> None:
    """Leave it as it is: a call is to put it right."""


@dataclass(frozen=True)
class Mishap:
    """Something that comes while nobody works, and whether there was anything that it could come to; ``go`` ends it."""

    come: Callable[[Scene], bool]
    go: Callable[[Scene], None] = _stays


MISHAPS = {
    **{name: Mishap(come) for name, come in (DRIFTS | SPOILINGS).items()},
    NEWER: Mishap(SPOILINGS[NEWER], restore),
    **{name: Mishap(rule.put, rule.take) for name, rule in (LOCKS | POLICIES).items()},
}
