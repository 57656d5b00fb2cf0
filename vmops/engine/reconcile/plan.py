"""What would bring the engine's state in line with ARM: decided from the state and from what was seen, nothing else.

A dead engine leaves creates that may or may not have happened, and sometimes no state at all. ARM says what is true.
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


class Seen(StrEnum):
    """What ARM says of a resource."""

    OURS = "ours"
    FOREIGN = "foreign"
    ABSENT = "absent"


@dataclass(frozen=True)
class Wanted:
    """What a stack should know: ``intended`` is declared, ``unwanted`` is for the next update to delete.

    ``provider`` is what the azure-native provider is configured with. Without it only that is adopted whose create was
    begun: whatever else is adopted must be completed by a program.
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
    """What is to be done to a state, and what is left to do after it.

    ``adopted`` goes into the state; ``cleared`` are interrupted operations, by the end of their URN, that are dropped.
    ``foreign`` is there, intended and not ours: it is left alone. ``id_only`` are in the state by their id alone, so
    that `complete.complete` is needed before the next update. ``unread``: outputs of some of it are not in the state
    yet.
    """

    adopted: Ids = field(default_factory=dict)
    cleared: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    id_only: tuple[str, ...] = ()
    unread: bool = False

    @property
    def changes(self) -> bool:
        """Tell whether the state becomes another."""
        return bool(self.adopted or self.cleared)

    @property
    def needs_refresh(self) -> bool:
        """Tell whether the update that follows must refresh."""
        return self.changes or self.unread


def interrupted(state: State) -> dict[str, dict[str, Any]]:
    """Give what the engine was doing when it died, by the end of the URN."""
    return {entries.key_of(each["resource"]): each["resource"] for each in state.get("pending_operations") or ()}


def unknown(state: State, wanted: Wanted) -> Ids:
    """Give what is wanted and not in the state, or was to be made anew: ARM is asked of it before `plan` is called."""
    known = {entries.key_of(each) for each in _resources(state) if not entries.awaits_successor(each)}
    return {key: arm_id for key, arm_id in wanted.ids.items() if key not in known}


def plan(state: State, wanted: Wanted, seen: Mapping[str, Seen]) -> Plan:
    """Decide what brings a state in line with what was ``seen`` of `unknown`, by the end of the URN."""
    pending = interrupted(state).keys()
    adopted = {key: wanted.ids[key] for key in seen if seen[key] is Seen.OURS and _adoptable(key, wanted, pending)}
    return Plan(
        adopted=adopted,
        cleared=tuple(key for key in pending if key not in adopted),
        foreign=tuple(wanted.intended[key] for key in seen if seen[key] is Seen.FOREIGN and key in wanted.intended),
        id_only=(*filter(None, map(_id_only, _resources(state))), *(adopted[key] for key in adopted.keys() - pending)),
        unread=any(each.get("provider") and not each.get("outputs") for each in _resources(state)),
    )


def _adoptable(key: str, wanted: Wanted, pending: Any) -> bool:
    return wanted.provider is not None or key in pending


def _id_only(entry: entries.Entry) -> str:
    return str(entry["id"]) if entries.is_bare(entry) else ""


def _resources(state: State) -> list[entries.Entry]:
    return list(state.get("resources") or ())
