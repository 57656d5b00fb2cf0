"""What is known before a provision, besides the parameters."""

from collections.abc import Sequence
from dataclasses import dataclass

from vmops.deploy.holding import AS_IT_IS, Marking
from vmops.deploy.moves import UNRECORDED, Ledger


@dataclass(frozen=True)
class Circumstances:
    """What is known before a provision.

    - ``interrupted``: the previous operation was interrupted, so the engine's state may lack resources that exist.
    - ``expires``: when the VM expires, in seconds since the epoch; 0 for never, None to leave it unchanged.
    - ``marking``: how the VM is marked with its holder.
    - ``changed``: the parameters that differ from the last provision; None if unknown.
    - ``replaces``: the numbers of a fleet's members that are replaced in any case.
    - ``ledger``: the records of places.
    """

    interrupted: bool = False
    expires: float | None = 0.0
    marking: Marking = AS_IT_IS
    changed: Sequence[str] | None = None
    replaces: Sequence[int] = ()
    ledger: Ledger = UNRECORDED
