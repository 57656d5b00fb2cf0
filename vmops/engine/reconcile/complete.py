"""Completing what the engine's state knows by its id alone, from what ARM tells and what a program declares."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from vmops.engine.reconcile import entries
from vmops.engine.stack import EngineStack

_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How a state marks an encrypted value, and a plan one that is not known yet. Source: Pulumi, sdk/go resource package,
``SigKey`` and plugin package, ``UnknownStringValue``."""


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
    had = exported["deployment"]["resources"]
    doomed = frozenset(each["id"].lower() for each in had if each.get("provider") and each["urn"] not in goals)
    for entry in filter(entries.is_bare, had):
        if entry["urn"] in goals:
            entry["inputs"] = merge_inputs(goals[entry["urn"]], entry["inputs"], doomed)
            entry["created"] = datetime.now(UTC).isoformat()
    stack.replace_state(entries.replaced(exported, had))


def merge_inputs(declared: Any, told: Any, doomed: frozenset[str] = frozenset()) -> Any:
    """Take what is declared; where ARM speaks of the same, ARM is right; what only ARM says is left out.

    But not where it refers to one of the ``doomed``, ids in lower case: nobody else would take that reference away, and
    what is referred to cannot be deleted.
    """
    if isinstance(declared, dict) and isinstance(told, dict) and entries.SECRET not in declared:
        own = {
            name: merge_inputs(each, told[name], doomed) if name in told else each for name, each in declared.items()
        }
        own |= {name: each for name, each in told.items() if name not in own and _refers(each, doomed)}
        return {name: value for name, value in own.items() if value != _UNKNOWN}
    if isinstance(declared, list) and isinstance(told, list) and len(declared) == len(told):
        return [merge_inputs(*pair, doomed) for pair in zip(declared, told, strict=True)]
    return told


def _refers(value: Any, ids: frozenset[str]) -> bool:
    return isinstance(value, dict) and str(value.get("id", "")).lower() in ids
