"""Settling what a dead engine left: creates that may or may not have happened, and a state that was lost.

Called with the VM's lock held, so every worker and engine of before is dead. ARM says what is true.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import structlog
from pydantic.alias_generators import to_camel

from vmops.arm import Arm
from vmops.engine.stack import PROJECT, EngineStack
from vmops.ownership import stack_of

State = dict[str, Any]
"""A stack's deployment as the engine exports it."""

_STACK = "pulumi:pulumi:Stack"
_PROVIDER = "pulumi:providers:azure-native"
_SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How a state marks an encrypted value, and a plan one that is not known yet. Source: Pulumi, sdk/go resource package,
``SigKey`` and plugin package, ``UnknownStringValue``."""


@dataclass(frozen=True)
class Settled:
    """What was adopted, by ARM id, and which operations were cleared that did not end, by the end of their URN.

    ``foreign`` is there, intended and not ours: it is left alone. ``bare`` are in the state by their id alone, so that
    `complete` is needed before the next update; ``unread``: what ARM says of some of it is not in the state yet.
    """

    adopted: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    unread: bool = False

    @property
    def changed(self) -> bool:
        """Tell whether the state is another than it was."""
        return bool(self.adopted or self.cleared)

    @property
    def stale(self) -> bool:
        """Tell whether the next update must refresh."""
        return self.changed or self.unread


Arguments = Mapping[str, Any]
"""What the azure-native provider is configured with."""


def settle(
    stack: EngineStack, arm: Arm, intended: Mapping[str, str], provider: Arguments | None = None, *, write: bool = True
) -> Settled:
    """Bring the engine's state in line with ARM before the next update; cut off, it can be done again.

    ``intended`` are ARM ids by the end of their URN. Of these, what is not in the state, exists and is ours is adopted;
    what was begun and is not there is cleared. Without ``provider``, the arguments of the azure-native provider, only
    that is adopted whose create was begun: the rest must be completed by a program. Without ``write`` nothing is done.
    """
    exported = stack.state()
    if exported is None:
        return Settled()
    state: State = exported["deployment"] or {}
    entries, started = list(state.get("resources") or ()), begun(state)
    known = {key_of(entry["urn"]) for entry in entries}
    whose = {
        key: _whose(arm, arm_id, stack.name, begun=key in started)
        for key, arm_id in intended.items()
        if key not in known
    }
    ours = {key: intended[key] for key, ours in whose.items() if ours and (provider is not None or key in started)}
    settled = Settled(
        adopted=tuple(ours.values()),
        cleared=tuple(key for key in started if key not in ours),
        foreign=tuple(intended[key] for key, ours in whose.items() if ours is False),
        bare=(*(entry["id"] for entry in entries if _is_bare(entry)), *(ours[key] for key in ours.keys() - started)),
        unread=any(entry.get("provider") and not entry.get("outputs") for entry in entries),
    )
    if settled.changed and write:
        entries = _rooted(entries, stack.name, provider or {})
        entries += [_entry(entries, key, arm_id, stack.name, started.get(key)) for key, arm_id in ours.items()]
        _write(stack, exported, entries)
        structlog.get_logger().info("settled", adopted=settled.adopted, cleared=settled.cleared)
    return settled


def begun(state: State) -> dict[str, dict[str, Any]]:
    """Give what the engine was doing when it died, by the end of the URN."""
    return {key_of(each["resource"]["urn"]): each["resource"] for each in state.get("pending_operations") or ()}


def complete(stack: EngineStack, program: Callable[[], Any]) -> None:
    """Give what was adopted by its id the inputs that it was made with, as far as they can be known.

    ARM tells most of them. What it does not tell (a password, custom data) is taken to be as ``program`` declares it;
    what it adds by itself is left out: otherwise the next update would replace what it only knows by half. Cut off, it
    can be done again.
    """
    stack.refresh()
    goals = stack.goals(program)
    exported = stack.state()
    if exported is None:
        return
    entries = exported["deployment"]["resources"]
    for entry in filter(_is_bare, entries):
        if entry["urn"] in goals:
            entry["inputs"] = merged(goals[entry["urn"]], entry["inputs"])
            entry["created"] = datetime.now(UTC).isoformat()
    _write(stack, exported, entries)


def merged(declared: Any, told: Any) -> Any:
    """Take what is declared; where ARM speaks of the same, ARM is right; what only ARM says is left out."""
    if isinstance(declared, dict) and isinstance(told, dict) and _SECRET not in declared:
        own = {name: merged(value, told[name]) if name in told else value for name, value in declared.items()}
        return {name: value for name, value in own.items() if value != _UNKNOWN}
    if isinstance(declared, list) and isinstance(told, list) and len(declared) == len(told):
        return [merged(*pair) for pair in zip(declared, told, strict=True)]
    return told


def _write(stack: EngineStack, exported: dict[str, Any], entries: list[Any]) -> None:
    """Write a state back, with other entries and nothing pending."""
    state = {name: value for name, value in (exported["deployment"] or {}).items() if name != "pending_operations"}
    stack.replace_state({**exported, "deployment": {**state, "resources": entries}})


def _is_bare(entry: Mapping[str, Any]) -> bool:
    """Tell whether an entry was made here from an id alone: those of the engine's own say since when they are there."""
    return bool(entry.get("provider")) and "created" not in entry


def _whose(arm: Arm, arm_id: str, stack_name: str, *, begun: bool) -> bool | None:
    """Tell whether a resource is ours, None if it is not there.

    A subnet, which has no tags, is its network's, or ours if we have begun to make it.
    """
    resource = arm.get(arm_id)
    if resource is None:
        return None
    network, is_subnet, _ = arm_id.partition("/subnets/")
    if is_subnet and begun:
        return True
    tagged = arm.get(network) if is_subnet else resource
    return None if tagged is None else stack_of(tagged) == stack_name


def _rooted(entries: list[Any], stack_name: str, provider: Mapping[str, Any]) -> list[Any]:
    """Give the entries of a state, first those of the stack itself and of its provider, which a lost state has not.

    The engine takes no state in which an entry stands before one that it depends on.
    """
    root = _urn(stack_name, f"{_STACK}::{PROJECT}-{stack_name}")
    inputs = {to_camel(name): "true" if value is True else value for name, value in provider.items()}
    made = {
        "urn": _urn(stack_name, f"{_PROVIDER}::azure"),
        "custom": True,
        "id": str(uuid4()),
        "type": _PROVIDER,
        "inputs": inputs,
        "outputs": inputs,
        "parent": root,
    }
    roots = [entry for entry in entries if entry["type"] == _STACK]
    providers = [entry for entry in entries if entry["type"] == _PROVIDER]
    rest = [entry for entry in entries if entry["type"] not in {_STACK, _PROVIDER}]
    return [*(roots or [{"urn": root, "custom": False, "type": _STACK}]), *(providers or [made]), *rest]


def _entry(
    entries: Iterable[Mapping[str, Any]], key: str, arm_id: str, stack_name: str, begun: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Make a state entry for a resource that exists; its outputs come with the next refresh.

    One whose create was begun is as it was to be. Another is known by its id alone, and kept from being deleted by the
    engine, which does not know who else uses it.
    """
    if begun:
        return {"created": datetime.now(UTC).isoformat(), **begun, "id": arm_id, "outputs": {}}
    return {
        "urn": _urn(stack_name, key),
        "custom": True,
        "type": key.partition("::")[0],
        "inputs": {},
        "parent": next(entry["urn"] for entry in entries if entry["type"] == _STACK),
        "provider": next(f"{entry['urn']}::{entry['id']}" for entry in entries if entry["type"] == _PROVIDER),
        "retainOnDelete": True,
        "id": arm_id,
        "outputs": {},
    }


def _urn(stack_name: str, key: str) -> str:
    return f"urn:pulumi:{stack_name}::{PROJECT}::{key}"


def key_of(urn: str) -> str:
    """Give ``TYPE::NAME``, the part of an URN that names neither stack nor project."""
    return "::".join(urn.split("::")[2:])
