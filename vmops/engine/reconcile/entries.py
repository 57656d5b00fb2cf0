"""The entries of a state as the engine exports and imports it, one for each resource."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pydantic.alias_generators import to_camel

from vmops.engine.workspace import PROJECT

Entry = dict[str, Any]

_STACK = "pulumi:pulumi:Stack"
_PROVIDER = "pulumi:providers:azure-native"


def key_of(entry: Mapping[str, Any]) -> str:
    """Give ``TYPE::NAME``, the part of an entry's URN that names neither stack nor project."""
    return "::".join(entry["urn"].split("::")[2:])


def is_bare(entry: Mapping[str, Any]) -> bool:
    """Tell whether an entry was made here from an id alone: those of the engine's own say since when they are there."""
    return bool(entry.get("provider")) and "created" not in entry


def replaced(exported: Mapping[str, Any], entries: list[Entry]) -> dict[str, Any]:
    """Give an exported state with other entries and nothing pending."""
    state = {name: value for name, value in (exported["deployment"] or {}).items() if name != "pending_operations"}
    return {**exported, "deployment": {**state, "resources": entries}}


def rooted(entries: list[Entry], stack_name: str, provider: Mapping[str, Any]) -> list[Entry]:
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


def begun(pending: Mapping[str, Any], arm_id: str) -> Entry:
    """Make the entry of a resource that exists and whose create was begun: it is as it was to be.

    Its outputs come with the next refresh.
    """
    return {"created": datetime.now(UTC).isoformat(), **pending, "id": arm_id, "outputs": {}}


def bare(entries: Iterable[Entry], stack_name: str, key: str, arm_id: str, *, keep: bool) -> Entry:
    """Make the entry of a resource of which only the id is known; its outputs come with the next refresh.

    What is to be kept the engine forgets where it would delete it: it does not know who else uses it.
    """
    return {
        "urn": _urn(stack_name, key),
        "custom": True,
        "type": key.partition("::")[0],
        "inputs": {},
        "parent": next(entry["urn"] for entry in entries if entry["type"] == _STACK),
        "provider": next(f"{entry['urn']}::{entry['id']}" for entry in entries if entry["type"] == _PROVIDER),
        "retainOnDelete": keep,
        "id": arm_id,
        "outputs": {},
    }


def _urn(stack_name: str, key: str) -> str:
    return f"urn:pulumi:{stack_name}::{PROJECT}::{key}"
