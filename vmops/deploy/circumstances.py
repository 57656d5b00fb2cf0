"""What is known before a provision, beside what is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from vmops.deploy.holding import AS_IT_IS, Marking
from vmops.deploy.moves import UNRECORDED, Ledger


@dataclass(frozen=True)
class Circumstances:
    """What is known before a provision.

    ``doubtful``: what came before did not end, so the engine's state may lack what exists. ``expires`` is in seconds
    since the epoch, 0 for never, None where that stays. ``marking``: who is to hold the VM. ``changed`` are the
    parameters that are asked for otherwise than they were made last; None if nobody knows. ``replaces`` are the numbers
    of a fleet's members that are made anew, whatever they are. ``ledger`` remembers places.
    """

    doubtful: bool = False
    expires: float | None = 0.0
    marking: Marking = AS_IT_IS
    changed: Sequence[str] | None = None
    replaces: Sequence[int] = ()
    ledger: Ledger = UNRECORDED
