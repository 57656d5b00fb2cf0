"""Plans how to reconcile the engine's state with ARM. Pure functions of the state and of what ARM has returned.

A dead engine leaves creates that may or may not have happened, and sometimes no state at all. Only ARM knows what
exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from vmops.engine.reconcile import entries

State = Mapping[str, Any]
"""A stack's deployment as the engine exports it."""

Ids = Mapping[str, str]
"""ARM ids by the end of their URN, ``TYPE::NAME``."""


class Ownership(StrEnum):
    """What ARM says about a resource."""

    OURS = "ours"
    FOREIGN = "foreign"
    ABSENT = "absent"


@dataclass(frozen=True)
class Wanted:
    """What a stack should know: ``intended`` is declared, ``unwanted`` is deleted by the next update.

    ``provider`` is the configuration of the azure-native provider. Without it, only resources with an interrupted
    create are adopted, because all others must be completed from a program.
    """

    intended: Ids
    unwanted: Ids = field(default_factory=dict)
    provider: Mapping[str, Any] | None = None

    @property
    def ids(self) -> Ids:
        """Give all of it."""
        return {**self.intended, **self.unwanted}


@dataclass(frozen=True)
class Plan:
    """Changes to a state, and what remains to be done afterwards.

    - ``adopted``: resources that are added to the state.
    - ``cleared``: interrupted operations that are dropped, by the end of their URN.
    - ``foreign``: intended resources that exist but are not ours; they stay as they are.
    - ``id_only``: resources in the state by id alone; `complete.complete` must run before the next update.
    - ``unread``: whether the state lacks outputs of some resource.
    """

    adopted: Ids = field(default_factory=dict)
    cleared: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    id_only: tuple[str, ...] = ()
    unread: bool = False

    @property
    def changes(self) -> bool:
        """Tell whether the state changes."""
        return bool(self.adopted or self.cleared)

    @property
    def needs_refresh(self) -> bool:
        """Tell whether the next update must refresh."""
        return self.changes or self.unread


def interrupted(state: State) -> dict[str, dict[str, Any]]:
    """Give the engine's interrupted operations, by the end of the URN."""
    return {entries.key_of(each["resource"]): each["resource"] for each in state.get("pending_operations") or ()}


def unknown(state: State, wanted: Wanted) -> Ids:
    """Give the wanted resources that the state lacks, or has only as deleted. The caller reads them for `plan`."""
    known = {entries.key_of(each) for each in _resources(state) if not entries.awaits_replacement(each)}
    return {key: arm_id for key, arm_id in wanted.ids.items() if key not in known}


def plan(state: State, wanted: Wanted, owners: Mapping[str, Ownership]) -> Plan:
    """Plan how to reconcile a state with what ARM returned for `unknown` (``seen``), by the end of the URN."""
    pending = interrupted(state).keys()
    adopted = {
        key: wanted.ids[key] for key in owners if owners[key] is Ownership.OURS and _adoptable(key, wanted, pending)
    }
    return Plan(
        adopted=adopted,
        cleared=tuple(key for key in pending if key not in adopted),
        foreign=tuple(
            wanted.intended[key] for key in owners if owners[key] is Ownership.FOREIGN and key in wanted.intended
        ),
        id_only=(*filter(None, map(_id_only, _resources(state))), *(adopted[key] for key in adopted.keys() - pending)),
        unread=any(each.get("provider") and not each.get("outputs") for each in _resources(state)),
    )


def _adoptable(key: str, wanted: Wanted, pending: Any) -> bool:
    return wanted.provider is not None or key in pending


def _id_only(entry: entries.Entry) -> str:
    return str(entry["id"]) if entries.is_id_only(entry) else ""


def _resources(state: State) -> list[entries.Entry]:
    return list(state.get("resources") or ())
