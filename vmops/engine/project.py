"""Converts a stack's state to a project for `pulumi`: a YAML program that declares what the state contains.

Pure functions. Source: Pulumi documentation, Pulumi YAML language reference, project file, stack settings file; engine,
``apitype.DeploymentV3``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vmops.engine.reconcile.entries import SECRET, STACK
from vmops.spec.names import PROJECT, TAG_PREFIX

_PROVIDERS = "pulumi:providers:"
_OWN = frozenset({"__defaults", "__internal", "version"})
"""Inputs that the engine adds."""

Entry = Mapping[str, Any]


def program(state: Mapping[str, Any], replaces: Mapping[str, list[str]]) -> dict[str, Any]:
    """Give the content of ``Pulumi.yaml``: each resource with the inputs with which it was declared.

    A secret is not written; ``ignoreChanges`` keeps its value in the state. ``replaces`` are the paths, by type, whose
    change replaces a resource.
    """
    entries = [entry for entry in _entries(state) if entry["type"] != STACK and not entry.get("delete")]
    named = {str(entry["urn"]): _name(entry) for entry in entries}
    resources = {_name(entry): _declared(entry, named, replaces) for entry in entries}
    return {"name": PROJECT, "runtime": "yaml", "resources": resources}


def settings(state: Mapping[str, Any]) -> dict[str, Any]:
    """Give the content of ``Pulumi.<stack>.yaml``: the salt with which the passphrase decrypts the state's secrets."""
    opened = (state["deployment"].get("secrets_providers") or {}).get("state") or {}
    return {"encryptionsalt": opened["salt"]} if "salt" in opened else {}


def disowned(state: Mapping[str, Any]) -> dict[str, Any]:
    """Give a state without vmops' own tags."""
    parts = ("inputs", "outputs")
    resources = [
        {**entry, **{part: _untagged(entry[part]) for part in parts if entry.get(part)}} for entry in _entries(state)
    ]
    return {**state, "deployment": {**state["deployment"], "resources": resources}}


def _untagged(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    tags = properties.get("tags")
    if not isinstance(tags, Mapping):
        return properties
    return {**properties, "tags": {name: value for name, value in tags.items() if not name.startswith(TAG_PREFIX)}}


def _entries(state: Mapping[str, Any]) -> list[Entry]:
    return list(state["deployment"].get("resources") or ())


def _declared(entry: Entry, named: Mapping[str, str], replaces: Mapping[str, list[str]]) -> dict[str, Any]:
    inputs = {name: value for name, value in (entry.get("inputs") or {}).items() if name not in _OWN}
    provider = str(entry.get("provider", "")).rpartition("::")[0]
    needs = [f"${{{named[urn]}}}" for urn in entry.get("dependencies") or () if urn in named]
    options = {
        "provider": f"${{{named[provider]}}}" if provider in named else None,
        "dependsOn": needs,
        "protect": entry.get("protect"),
        "retainOnDelete": entry.get("retainOnDelete"),
        "ignoreChanges": [".".join(path) for path in _secrets(inputs, ())],
        "replaceOnChanges": replaces.get(entry["type"]),
        "version": (entry.get("inputs") or {}).get("version") if _is_provider(entry) else None,
    }
    return {
        "type": entry["type"],
        "properties": _clear(inputs),
        "options": {name: value for name, value in options.items() if value},
    }


def _name(entry: Entry) -> str:
    return str(entry["urn"]).rpartition("::")[2]


def _is_provider(entry: Entry) -> bool:
    return str(entry["type"]).startswith(_PROVIDERS)


def _is_secret(value: object) -> bool:
    return isinstance(value, Mapping) and SECRET in value


def _clear(value: Any) -> Any:
    """Give a value without its secrets, with ``${`` escaped."""
    if isinstance(value, Mapping):
        return {name: _clear(each) for name, each in value.items() if not _is_secret(each)}
    if isinstance(value, list):
        return [_clear(each) for each in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


def _secrets(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if _is_secret(value):
        yield path
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _secrets(each, (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _secrets(each, (*path[:-1], f"{path[-1]}[{index}]"))
