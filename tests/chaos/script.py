"""The script of one life: its verbs, and the kills and faults during each."""

import random
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.governance import OURS_STRIPPED
from tests.chaos.mishaps import MISHAPS
from tests.chaos.moments import COUNTED, Moment
from vmops.local.arm.faults.catalogue import FAULTS

_ENGINELESS = ("worker", "caller", "azure", "state")
_WORKING = (*_ENGINELESS, "engine", "both")
DEPLOYMENTS: dict[str, tuple[str, ...]] = {
    "admitted": ("caller",),
    "recorded": ("caller", "azure", "forkserver"),
    "running": _ENGINELESS,
    "engine-locked": _WORKING,
    **dict.fromkeys(COUNTED, _WORKING),
    "engine-unlocked": _ENGINELESS,
    "ended": ("worker", "caller", "azure"),
    "after": _WORKING,
}
REMOVALS: dict[str, tuple[str, ...]] = {**DEPLOYMENTS, "removing": _ENGINELESS, "removed": DEPLOYMENTS["ended"]}
POWER: dict[str, tuple[str, ...]] = dict.fromkeys(("sent", "carried-out", "lost", "poll", "after"), ("caller", "azure"))
POWERED = {"stop": "stopped", "start": "running", "restart": "running"}
"""The power verbs, and the state after each."""

KILL_TARGETS = {"provision": DEPLOYMENTS, "deprovision": REMOVALS} | dict.fromkeys(POWERED, POWER)
"""The possible targets of a kill, by verb and moment."""

_OFTEN = ("sent", "carried-out", "checkpoint", "after")
"""Moments with a higher weight, because there are many of each."""

SPOT = {"vmSize": "Standard_D2s_v5", "priority": "Spot", "evictionPolicy": "Deallocate"}
"""A Spot VM of a size that is available as Spot."""

_SIZES = ("Standard_D4s_v5", "Standard_D4as_v5")
"""Parameters of a VM with several places."""

MEDDLING = (
    "deleted-behind-our-back",
    "stopped-behind-our-back",
    "resized-behind-our-back",
    "retagged-behind-our-back",
)
SPOILT = ("empty", "cut off", "garbage", "lost")


@dataclass(frozen=True)
class Kill:
    """The target and moment of a kill.

    ``state``: worker and engine, and the engine's state is damaged as ``spoilt`` says.
    """

    target: str
    moment: Moment
    spoilt: str = "empty"

    def __str__(self) -> str:
        return f"{self.target} at {self.moment}"

    @property
    def ends_the_call(self) -> bool:
        """Tell whether nobody continues the call afterwards, so that another kill needs another call."""
        return self.target in {"worker", "both", "state", "forkserver"} or self.moment.name == "admitted"


@dataclass(frozen=True)
class Fault:
    """A fault of the local Azure's catalogue for a call, and how often it strikes; or an incident before the call."""

    name: str
    when: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}{''.join(f' {name} {number}' for name, number in self.when.items())}"


@dataclass(frozen=True)
class Step:
    """A verb, and the faults and kills of its calls, before the call that must converge."""

    verb: str
    kills: tuple[Kill, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Script:
    """One life; ``late``: others create resources in the VM's own group while it exists.

    ``room`` is Azure's capacity by place.
    """

    steps: tuple[Step, ...]
    params: dict[str, Any] = field(default_factory=lambda: {"vmName": "exp1"})
    pace: float = 0.005
    late: bool = False
    preview: bool = False
    room: tuple[dict[str, Any], ...] = ()


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
    pace = dice.choice((0.002, 0.005, 0.015))
    late, preview = "resourceGroup" not in params and dice.random() < 0.3, dice.random() < 0.3
    loses = any(kill.target == "state" for step in (made, gone) for kill in step.kills)
    if "resourceGroup" in params and not loses and dice.random() < 0.5:
        params["virtualNetworkName"] = "net"  # where only the engine's state knows which subnet is ours
    params, room = _placed(f"places {seed}", params)
    return Script((made, *switched, gone), params, pace, late, preview, room)


def schedule(seed: int) -> Script:
    """Draw a life in which two thirds of the calls meet a fault of Azure, another fault, or changes by others."""
    dice = random.Random(f"schedule {seed}")
    verbs = ["provision", *dice.choices(("stop", "start", "restart", "provision"), k=dice.randint(1, 4)), "deprovision"]
    spot = SPOT if dice.random() < 0.3 else {}
    group = {"resourceGroup": "shared"} if dice.random() < 0.3 else {}
    steps = tuple(Step(verb, faults=_faults(dice, first=not index)) for index, verb in enumerate(verbs))
    params = {"vmName": f"exp{dice.randrange(1000)}", "tags": "a=b", "dataDisks": [4], **spot, **group}
    params, room = _placed(f"places of schedule {seed}", params)
    return Script(
        steps=steps,
        params=params,
        pace=0.002,
        preview=dice.random() < 0.3,
        room=room,
    )


def _placed(seed: str, params: dict[str, Any]) -> tuple[dict[str, Any], tuple[dict[str, Any], ...]]:
    """Draw whether a VM names several places, and which of them lack capacity; other draws are unaffected."""
    dice = random.Random(seed)
    if "vmSize" in params or dice.random() < 0.6:
        return params, ()
    wish = {"vmSize": ",".join(_SIZES)} | ({"zone": "1,2"} if dice.random() < 0.5 else {})
    full = [{"size": size} for size in _SIZES[: dice.choice((0, 1, 1))]]
    full += [{"size": _SIZES[-1], "zone": "1"}] if "zone" in wish and dice.random() < 0.5 else []
    return params | wish, tuple({**each, "left": 0} for each in full)


def _faults(dice: random.Random, *, first: bool) -> tuple[Fault, ...]:
    names = [*FAULTS, *(() if first else (*MEDDLING, *(MISHAPS.keys() - {OURS_STRIPPED})))]
    met = dice.choices(sorted(names), k=dice.choice((0, 1, 2)))
    whens: list[dict[str, int]] = [{}, {"times": 1}, {"times": 2}, {"nth": 2}, {"nth": 3, "times": 4}]
    return tuple(Fault(name, dice.choice(whens) if name in FAULTS else {}) for name in met)


def _kills(dice: random.Random, verb: str, count: int) -> tuple[Kill, ...]:
    """Draw kills, of which the last lets somebody continue."""
    drawn = sorted((_kill(dice, verb) for _ in range(count)), key=lambda kill: not kill.ends_the_call)
    return tuple(kill for index, kill in enumerate(drawn) if not index or drawn[index - 1].ends_the_call)


def _kill(dice: random.Random, verb: str) -> Kill:
    targets = KILL_TARGETS[verb]
    name = dice.choice([*targets, *(name for name in _OFTEN if name in targets)])
    longest = 1500 if verb in {"provision", "deprovision"} else 100
    number = dice.randrange(1, longest) if name == "after" else dice.randint(1, 7) if name in COUNTED else 1
    return Kill(dice.choice(targets[name]), Moment(name, number), dice.choice(SPOILT))
