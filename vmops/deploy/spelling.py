"""Names in the case in which they exist: ARM compares names without case, and the engine does not.

For the engine a name in another case is another resource: it would create that one, and delete the existing one, which
is the same to ARM.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from vmops.engine.reconcile import entries
from vmops.spec import names
from vmops.spec.vm_spec import VmSpec

Known = Mapping[str, Iterable[str]]
"""Names that exist, by the role of the resource that has them."""

_NAMED_BY_VM = ("nic", "address", "security_group")
"""Roles whose names by default begin with the VM's own, or its fleet's, however long that is."""


def in_arm(bodies: Mapping[str, Mapping[str, Any]]) -> Known:
    """Give the names that ARM tells, by the bodies of resources."""
    known: dict[str, list[str]] = {role: [body["name"]] for role, body in bodies.items()}
    subnets = bodies.get("network", {}).get("properties", {}).get("subnets") or ()
    return {**known, "subnet": [subnet["id"].rpartition("/")[2] for subnet in subnets]}


def in_state(state: Mapping[str, Any] | None) -> Known:
    """Give the names that the engine's state has, that of what it was making when it died too."""
    deployment = (state or {}).get("deployment") or {}
    pending = [each["resource"] for each in deployment.get("pending_operations") or ()]
    keys = [entries.key_of(entry) for entry in [*(deployment.get("resources") or ()), *pending]]
    return {
        role: [name for kind, _, name in (key.partition("::") for key in keys) if kind == token]
        for role, token in names.TOKENS.items()
    }


def is_told(spec: VmSpec, known: Known) -> bool:
    """Tell whether all names of a spec that may be spelled otherwise are known to exist."""
    declared = {role: field for role, field in names.FIELDS.items() if role in spec.ids()}
    fields = all(_same(getattr(spec, field), known.get(role, ())) for role, field in declared.items())
    return fields and bool(_vm_name(spec, known)) and bool(_same(spec.resource_group, known.get("group", ())))


def respelled(spec: VmSpec, *places: Known) -> VmSpec:
    """Give the same spec with its names as they are spelled where they exist; a place that stands earlier counts first.

    What exists nowhere is spelled as asked, and what is named after the VM as the VM is.
    """
    vm_name = _first(_vm_name(spec, known) for known in places) or spec.vm_name
    asked = {field: getattr(spec, field) for field in ("resource_group", *names.FIELDS.values())}
    defaults = {"resource_group": names.default_group(vm_name)}
    defaults |= {field: names.default_name(role, vm_name, spec.region) for role, field in names.FIELDS.items()}
    found = {
        field: _first(_same(asked[field], known.get(role, ())) for known in places)
        for role, field in {"group": "resource_group", **names.FIELDS}.items()
    }
    chosen = {field: found[field] or _same(asked[field], [defaults[field]]) or asked[field] for field in asked}
    return spec.model_copy(update={"vm_name": vm_name, **chosen})


def _vm_name(spec: VmSpec, known: Known) -> str:
    """Give the VM's name as the VM has it, else as what is named after it; empty if nothing tells."""
    if found := _same(spec.machine_name, known.get("vm", ())):
        return found[: len(spec.vm_name)]
    for role in _NAMED_BY_VM:
        if found := _same(spec.name_of(role), known.get(role, ())):
            return found[: len(spec.vm_name)]
    found = _same(names.default_group(spec.vm_name), known.get("group", ()))
    return found[-len(spec.vm_name) :] if found else ""


def _same(name: str, candidates: Iterable[str]) -> str:
    """Give the candidate that is the same name to ARM; empty if none is."""
    return _first(each for each in candidates if each.lower() == name.lower())


def _first(found: Iterable[str]) -> str:
    return next(filter(None, found), "")
