"""Completes entries of the engine's state that were adopted by id alone, from ARM and from the program."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from vmops.engine.reconcile import entries
from vmops.engine.stack import EngineStack

_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The marker of an unknown value in a plan. Source: Pulumi, sdk/go plugin package, ``UnknownStringValue``."""


def complete(stack: EngineStack, program: Callable[[], Any]) -> None:
    """Give resources that were adopted by id the inputs with which they were made, as far as they can be known.

    Without inputs, the next update would replace them. ARM returns most inputs. Those that it does not return (a
    password, custom data) are taken from ``program``; those that Azure adds are left out. ARM's lists of tags, rules
    and disks are complete: a part that is missing there does not exist, and the next update makes it. An interrupted
    call can be repeated.
    """
    stack.refresh()
    goals = stack.goals(program)
    exported = stack.state()
    if exported is None:
        return
    had = exported["deployment"]["resources"]
    unwanted_ids = frozenset(each["id"].lower() for each in had if each.get("provider") and each["urn"] not in goals)
    for entry in filter(entries.is_id_only, had):
        if entry["urn"] in goals:
            entry["inputs"] = merge_inputs(goals[entry["urn"]], entry["inputs"], unwanted_ids)
            entry["created"] = datetime.now(UTC).isoformat()
    stack.replace_state(entries.replaced(exported, had))


def merge_inputs(declared: Any, actual: Any, unwanted_ids: frozenset[str] = frozenset()) -> Any:
    """Merge declared inputs with ARM's: ARM's value takes precedence, and inputs that only ARM has are left out.

    Except references to ``unwanted_ids``, in lower case: these stay, so that the next update removes them, because a
    resource that is referred to cannot be deleted.
    """
    if isinstance(declared, dict) and isinstance(actual, dict) and entries.SECRET not in declared:
        own = {name: _merged(name, each, actual, unwanted_ids) for name, each in declared.items()}
        own |= {name: each for name, each in actual.items() if name not in own and _refers(each, unwanted_ids)}
        return {name: value for name, value in own.items() if value != _UNKNOWN}
    if isinstance(declared, list) and isinstance(actual, list) and len(declared) == len(actual):
        return [merge_inputs(*pair, unwanted_ids) for pair in zip(declared, actual, strict=True)]
    return actual


def _merged(name: str, declared: Any, actual: dict[str, Any], unwanted_ids: frozenset[str]) -> Any:
    if name == "tags" and isinstance(declared, dict):
        there = actual.get(name) or {}
        return {tag: there[tag] for tag in declared if tag in there}
    if name in actual:
        return merge_inputs(declared, actual[name], unwanted_ids)
    is_listed_by_arm = isinstance(declared, list) and any(isinstance(each, dict) for each in declared)
    return [] if is_listed_by_arm else declared


def _refers(value: Any, ids: frozenset[str]) -> bool:
    return isinstance(value, dict) and str(value.get("id", "")).lower() in ids
