"""The entries of an exported state, one for each resource."""

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
    """Give ``TYPE::NAME``, the end of an entry's URN, without stack and project."""
    return "::".join(entry["urn"].split("::")[2:])


def is_id_only(entry: Mapping[str, Any]) -> bool:
    """Tell whether an entry was made by `id_only`: the engine's own entries have a creation time."""
    return bool(entry.get("provider")) and "created" not in entry


def awaits_replacement(entry: Mapping[str, Any]) -> bool:
    """Tell whether a resource was deleted to be replaced, and is not made again. Source: Pulumi, apitype.ResourceV3."""
    return bool(entry.get("pendingReplacement"))


def owner_of(entry: Mapping[str, Any]) -> str:
    """Give the owner for whom an entry was declared; empty if it has no tags."""
    tags = (entry.get("inputs") or {}).get("tags")
    return str(tags.get(OWNER_TAG, "")) if isinstance(tags, dict) else ""


def plain_outputs(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Give Azure's outputs of an entry, without secrets."""
    return {name: value for name, value in (entry.get("outputs") or {}).items() if isinstance(value, str)}


def without(entries: Iterable[Entry], ids: Iterable[str]) -> list[Entry]:
    """Give the entries without those of ``ids`` and their children, and without dependencies on them."""
    removed = tuple(f"{arm_id.lower()}/" for arm_id in ids)
    gone = {each["urn"] for each in entries if f"{each.get('id', '')}/".lower().startswith(removed)}
    return [_independent(each, gone) for each in entries if each["urn"] not in gone]


def _independent(entry: Entry, gone: set[str]) -> Entry:
    """Give an entry without its dependencies on removed entries."""
    named = {name: [urn for urn in urns or () if urn not in gone] for name, urns in _dependencies(entry)}
    kept = [urn for urn in entry.get("dependencies") or () if urn not in gone]
    return {**entry, "dependencies": kept, "propertyDependencies": named}


def _dependencies(entry: Entry) -> Iterable[tuple[str, list[str] | None]]:
    found: dict[str, list[str] | None] = entry.get("propertyDependencies") or {}
    return found.items()


def replaced(exported: Mapping[str, Any], entries: list[Entry]) -> dict[str, Any]:
    """Give an exported state with other entries and no pending operations."""
    state = {name: value for name, value in (exported["deployment"] or {}).items() if name != "pending_operations"}
    return {**exported, "deployment": {**state, "resources": entries}}


def with_roots(entries: list[Entry], stack_name: str, provider: Mapping[str, Any]) -> list[Entry]:
    """Give the entries of a state, first the stack itself and its provider, which are added if the state was lost.

    The engine refuses a state in which an entry precedes one that it depends on.
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


def with_intended_inputs(pending: Mapping[str, Any], arm_id: str) -> Entry:
    """Make the entry of an existing resource whose create was interrupted, with its intended inputs.

    The next refresh adds its outputs.
    """
    return {"created": datetime.now(UTC).isoformat(), **pending, "id": arm_id, "outputs": {}}


def id_only(entries: Iterable[Entry], stack_name: str, key: str, arm_id: str, *, keep: bool) -> Entry:
    """Make the entry of a resource of which only the id is known; the next refresh adds its outputs.

    With ``keep``, a destroy drops the entry but leaves the resource, which other VMs may use (`retainOnDelete`).
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
