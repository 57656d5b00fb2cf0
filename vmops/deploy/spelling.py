"""Gives the names in a spec the case of the existing resources: ARM ignores the case of names, and the engine does not.

For the engine a name in another case is another resource: it would create the new name and then delete the old one,
which is the same resource to ARM.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from vmops.engine.reconcile import entries
from vmops.spec import names
from vmops.spec.vm_spec import VmSpec

Known = Mapping[str, Iterable[str]]
"""Existing names, by the role of their resource."""

_NAMED_BY_VM = ("nic", "address", "security_group")
"""Roles whose default names always begin with the full name of the VM or its fleet."""


def in_arm(bodies: Mapping[str, Mapping[str, Any]]) -> Known:
    """Give the names in ARM's answers, from the bodies of resources."""
    known: dict[str, list[str]] = {role: [body["name"]] for role, body in bodies.items()}
    subnets = bodies.get("network", {}).get("properties", {}).get("subnets") or ()
    return {**known, "subnet": [subnet["id"].rpartition("/")[2] for subnet in subnets]}


def in_state(state: Mapping[str, Any] | None) -> Known:
    """Give the names in the engine's state, including those of interrupted creates."""
    deployment = (state or {}).get("deployment") or {}
    pending = [each["resource"] for each in deployment.get("pending_operations") or ()]
    keys = [entries.key_of(entry) for entry in [*(deployment.get("resources") or ()), *pending]]
    return {
        role: [name for kind, _, name in (key.partition("::") for key in keys) if kind == token]
        for role, token in names.TOKENS.items()
    }


def are_all_known(spec: VmSpec, known: Known) -> bool:
    """Tell whether all names of a spec whose case may differ are known."""
    declared = {role: field for role, field in names.FIELDS.items() if role in spec.ids()}
    fields = all(_same(getattr(spec, field), known.get(role, ())) for role, field in declared.items())
    return fields and bool(_vm_name(spec, known)) and bool(_same(spec.resource_group, known.get("group", ())))


def respelled(spec: VmSpec, *places: Known) -> VmSpec:
    """Give the same spec with its names in their existing case; earlier places take precedence.

    A name that exists nowhere stays as requested; default names follow the case of the VM's name.
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
    """Give the VM's name in the case of the VM, else of the resources that are named after it; empty if unknown."""
    if found := _same(spec.machine_name, known.get("vm", ())):
        return found[: len(spec.vm_name)]
    for role in _NAMED_BY_VM:
        if found := _same(spec.name_of(role), known.get(role, ())):
            return found[: len(spec.vm_name)]
    found = _same(names.default_group(spec.vm_name), known.get("group", ()))
    return found[-len(spec.vm_name) :] if found else ""


def _same(name: str, candidates: Iterable[str]) -> str:
    """Give the candidate with the same name by ARM's rules; empty if there is none."""
    return _first(each for each in candidates if each.lower() == name.lower())


def _first(found: Iterable[str]) -> str:
    return next(filter(None, found), "")
