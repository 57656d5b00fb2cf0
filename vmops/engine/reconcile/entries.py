"""The entries of a state as the engine exports and imports it, one for each resource."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pydantic.alias_generators import to_camel

from vmops.spec.names import OWNER_TAG, PROJECT

Entry = dict[str, Any]

STACK = "pulumi:pulumi:Stack"
"""The type of the stack itself."""

SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105
"""The key that marks a secret among inputs and outputs. Source: Pulumi, ``resource.SigKey``."""

_PROVIDER = "pulumi:providers:azure-native"


def key_of(entry: Mapping[str, Any]) -> str:
    """Give ``TYPE::NAME``, the part of an entry's URN that names neither stack nor project."""
    return "::".join(entry["urn"].split("::")[2:])


def is_bare(entry: Mapping[str, Any]) -> bool:
    """Tell whether an entry was made here from an id alone: those of the engine's own say since when they are there."""
    return bool(entry.get("provider")) and "created" not in entry


def awaits_successor(entry: Mapping[str, Any]) -> bool:
    """Tell whether what an entry was is deleted already, and is to be made anew. Source: Pulumi, apitype.ResourceV3."""
    return bool(entry.get("pendingReplacement"))


def owner_of(entry: Mapping[str, Any]) -> str:
    """Give in whose name an entry was declared; empty if it has no tags."""
    tags = (entry.get("inputs") or {}).get("tags")
    return str(tags.get(OWNER_TAG, "")) if isinstance(tags, dict) else ""


def told(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Give what Azure told of an entry, secrets left out."""
    return {name: value for name, value in (entry.get("outputs") or {}).items() if isinstance(value, str)}


def without(entries: Iterable[Entry], ids: Iterable[str]) -> list[Entry]:
    """Give the entries but those of some ARM ids, and of what lies in them; nothing depends on these any more."""
    doomed = tuple(f"{arm_id.lower()}/" for arm_id in ids)
    gone = {each["urn"] for each in entries if f"{each.get('id', '')}/".lower().startswith(doomed)}
    return [_independent(each, gone) for each in entries if each["urn"] not in gone]


def _independent(entry: Entry, gone: set[str]) -> Entry:
    """Give an entry without its dependencies on what is gone."""
    named = {name: [urn for urn in urns or () if urn not in gone] for name, urns in _dependencies(entry)}
    kept = [urn for urn in entry.get("dependencies") or () if urn not in gone]
    return {**entry, "dependencies": kept, "propertyDependencies": named}


def _dependencies(entry: Entry) -> Iterable[tuple[str, list[str] | None]]:
    found: dict[str, list[str] | None] = entry.get("propertyDependencies") or {}
    return found.items()


def replaced(exported: Mapping[str, Any], entries: list[Entry]) -> dict[str, Any]:
    """Give an exported state with other entries and nothing pending."""
    state = {name: value for name, value in (exported["deployment"] or {}).items() if name != "pending_operations"}
    return {**exported, "deployment": {**state, "resources": entries}}


def rooted(entries: list[Entry], stack_name: str, provider: Mapping[str, Any]) -> list[Entry]:
    """Give the entries of a state, first those of the stack itself and of its provider, which a lost state has not.

    The engine takes no state in which an entry stands before one that it depends on.
    """
    root = _urn(stack_name, f"{STACK}::{PROJECT}-{stack_name}")
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
    roots = [entry for entry in entries if entry["type"] == STACK]
    providers = [entry for entry in entries if entry["type"] == _PROVIDER]
    rest = [entry for entry in entries if entry["type"] not in {STACK, _PROVIDER}]
    return [*(roots or [{"urn": root, "custom": False, "type": STACK}]), *(providers or [made]), *rest]


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
        "parent": next(entry["urn"] for entry in entries if entry["type"] == STACK),
        "provider": next(f"{entry['urn']}::{entry['id']}" for entry in entries if entry["type"] == _PROVIDER),
        "retainOnDelete": keep,
        "id": arm_id,
        "outputs": {},
    }


def _urn(stack_name: str, key: str) -> str:
    return f"urn:pulumi:{stack_name}::{PROJECT}::{key}"
