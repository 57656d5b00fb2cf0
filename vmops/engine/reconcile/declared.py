"""The parts of its resources that a VM's stack declared as its own: tags, security rules, data disks, identities.

Parts that others have added are in the inputs, too, because the program declares them and a refresh copies them. So
the program lists its own parts in a stack output. The state of an earlier version has no such output; there all parts
in the inputs are its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from vmops.engine.reconcile.entries import STACK
from vmops.spec import names
from vmops.spec.names import TOKENS
from vmops.spec.vm_spec import VmSpec

OUTPUT = "ownParts"
"""The stack output that lists them."""


@dataclass(frozen=True)
class OwnParts:
    """The names of our parts, in lower case."""

    tags: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    disks: frozenset[str] = frozenset()
    identities: frozenset[str] = frozenset()

    def as_dict(self) -> dict[str, list[str]]:
        """Give them as plain JSON."""
        return {each.name: sorted(getattr(self, each.name)) for each in fields(self)}


def of(spec: VmSpec, *others: VmSpec) -> OwnParts:
    """Give the parts that a spec, or the members of a fleet, declare. Members differ only in their disks."""
    disks = [each.disk_name(lun) for each in (spec, *others) for lun, _ in enumerate(spec.data_disks)]
    return _lower(spec.tags, map(names.rule, spec.vm_ports), disks, spec.managed_identity or ())


def last(state: Mapping[str, Any] | None) -> OwnParts | None:
    """Give the parts of a stack's last declaration, from its exported state; None if unknown."""
    outputs = [entry.get("outputs") or {} for entry in _entries(state) if entry["type"] == STACK]
    if own := next((each[OUTPUT] for each in outputs if OUTPUT in each), None):
        return _lower(own["tags"], own["rules"], own["disks"], own.get("identities", ()))
    made = [entry for entry in _declared(state) if entry["type"] in TOKENS.values()]
    return _by_inputs(made) if made else None


def vm_inputs(state: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Give the inputs of a VM's last declaration, from its stack's state; empty if unknown. Secrets are encrypted."""
    return next((entry["inputs"] for entry in _declared(state) if entry["type"] == TOKENS["vm"]), {})


def all_inputs(state: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Give the inputs of each resource's last declaration."""
    return [entry["inputs"] for entry in _declared(state)]


def _declared(state: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return [entry for entry in _entries(state) if entry.get("inputs")]


def _entries(state: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return ((state or {}).get("deployment") or {}).get("resources") or []


def _by_inputs(entries: Iterable[Mapping[str, Any]]) -> OwnParts:
    """Read the parts from the inputs. A tag is ours if every resource that can have tags has it."""
    tags: list[set[str]] = []
    parts: dict[str, list[str]] = {"securityRules": [], "dataDisks": []}
    for entry in entries:
        inputs = entry["inputs"]
        if entry["type"] != TOKENS["subnet"]:
            tags.append({name.lower() for name in inputs.get("tags") or ()})
        for name, found in parts.items():
            found += [str(each.get("name")) for each in {**inputs, **inputs.get("storageProfile", {})}.get(name) or ()]
    return _lower(set.intersection(*tags) if tags else (), parts["securityRules"], parts["dataDisks"])


def _lower(*parts: Iterable[str]) -> OwnParts:
    """Give the names of tags, rules, disks and identities in lower case."""
    return OwnParts(*(frozenset(name.lower() for name in each) for each in parts))
