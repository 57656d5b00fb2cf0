"""What happens in one life: which verbs are called, and what is killed in the middle of each, and when."""

import random
from dataclasses import dataclass, field
from typing import Any

from tests.torture.moments import Moment, draw

DEPLOYMENT_VICTIMS = ("worker", "engine", "both", "caller", "azure", "state")
POWER_VICTIMS = ("caller", "azure")
SPOILT = ("empty", "cut off", "garbage", "lost")


@dataclass(frozen=True)
class Kill:
    """What is killed, and when; ``state``: worker and engine, and the engine's state is left as ``spoilt`` says."""

    victim: str
    moment: Moment
    spoilt: str = "empty"

    def __str__(self) -> str:
        return f"{self.victim} at {self.moment}"


@dataclass(frozen=True)
class Step:
    """A verb, and the kills that it meets, one call each, before the call that must converge."""

    verb: str
    kills: tuple[Kill, ...] = ()


@dataclass(frozen=True)
class Script:
    """One life; ``late``: others put something into the VM's own group while it is there."""

    steps: tuple[Step, ...]
    params: dict[str, Any] = field(default_factory=dict)
    pace: float = 0.005
    late: bool = False
    preview: bool = False


def script(seed: int) -> Script:
    """Draw the life of a seed."""
    dice = random.Random(seed)
    params: dict[str, Any] = {"vmName": f"exp{dice.randrange(1000)}"}
    if dice.random() < 0.3:
        params |= {"authenticationType": "password", "adminPasswordOrKey": "Secret-5ecret-x", "customData": "#!/bin/sh"}
    if dice.random() < 0.3:
        params["resourceGroup"] = "shared"
    switched = [
        Step(verb, _kills(dice, verb, 1)) for verb in dice.sample(("stop", "start", "restart"), dice.randint(0, 2))
    ]
    made, gone = (Step(verb, _kills(dice, verb, dice.choice((1, 1, 1, 2)))) for verb in ("provision", "deprovision"))
    return Script(
        steps=(made, *switched, gone),
        params=params,
        pace=dice.choice((0.002, 0.005, 0.015)),
        late="resourceGroup" not in params and dice.random() < 0.3,
        preview=dice.random() < 0.3,
    )


def _kills(dice: random.Random, verb: str, count: int) -> tuple[Kill, ...]:
    victims = DEPLOYMENT_VICTIMS if verb in {"provision", "deprovision"} else POWER_VICTIMS
    return tuple(Kill(dice.choice(victims), draw(dice, verb), dice.choice(SPOILT)) for _ in range(count))
