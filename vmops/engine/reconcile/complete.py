"""Completes what the engine's state knows by id alone, from ARM and from what a program declares."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from vmops.engine.reconcile import entries
from vmops.engine.stack import EngineStack

_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Markers of an encrypted value in a state, and of an unknown value in a plan. Source: Pulumi, sdk/go resource package,
``SigKey`` and plugin package, ``UnknownStringValue``.
"""


def complete(stack: EngineStack, program: Callable[[], Any]) -> None:
    """Give resources that were adopted by id the inputs with which they were made, as far as they can be known.

    ARM tells most inputs. Those that it does not tell (a password, custom data) are taken from ``program``; those that
    it adds by itself are left out. Otherwise the next update would replace a resource that it only half knows. Of tags,
    rules and disks ARM's list is complete: one that is missing there does not exist, and the next update makes it. If
    it is interrupted, it can be repeated.
    """
    stack.refresh()
    goals = stack.goals(program)
    exported = stack.state()
    if exported is None:
        return
    had = exported["deployment"]["resources"]
    doomed = frozenset(each["id"].lower() for each in had if each.get("provider") and each["urn"] not in goals)
    for entry in filter(entries.is_bare, had):
        if entry["urn"] in goals:
            entry["inputs"] = merge_inputs(goals[entry["urn"]], entry["inputs"], doomed)
            entry["created"] = datetime.now(UTC).isoformat()
    stack.replace_state(entries.replaced(exported, had))


def merge_inputs(declared: Any, told: Any, doomed: frozenset[str] = frozenset()) -> Any:
    """Merge declared inputs with ARM's: where both have a value, ARM's counts; what only ARM has is left out.

    The exception is a reference to one of the ``doomed``, ids in lower case: nothing else would remove that reference,
    and a resource that is referred to cannot be deleted.
    """
    if isinstance(declared, dict) and isinstance(told, dict) and entries.SECRET not in declared:
        own = {name: _merged(name, each, told, doomed) for name, each in declared.items()}
        own |= {name: each for name, each in told.items() if name not in own and _refers(each, doomed)}
        return {name: value for name, value in own.items() if value != _UNKNOWN}
    if isinstance(declared, list) and isinstance(told, list) and len(declared) == len(told):
        return [merge_inputs(*pair, doomed) for pair in zip(declared, told, strict=True)]
    return told


def _merged(name: str, declared: Any, told: dict[str, Any], doomed: frozenset[str]) -> Any:
    if name == "tags" and isinstance(declared, dict):
        there = told.get(name) or {}
        return {tag: there[tag] for tag in declared if tag in there}
    if name in told:
        return merge_inputs(declared, told[name], doomed)
    is_told_whole = isinstance(declared, list) and any(isinstance(each, dict) for each in declared)
    return [] if is_told_whole else declared


def _refers(value: Any, ids: frozenset[str]) -> bool:
    return isinstance(value, dict) and str(value.get("id", "")).lower() in ids
