"""Describes the parameters: each with its default, and with a VM's value."""

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_snake

from vmops.core.settings import Settings
from vmops.protocol import HANDLE
from vmops.spec.described import DESCRIBED, SECRETS
from vmops.spec.vm_spec import VmSpec

_ANY = "VM_NAME"


def described(spec: VmSpec | None) -> list[dict[str, Any]]:
    """Describe each parameter as plain JSON; with a spec, also its ``value``, None if it has none."""
    defaults = _values(VmSpec.from_params({"vmName": _ANY}))
    found = [_described(name, defaults) for name in DESCRIBED]
    if spec is None:
        return found
    values = _values(spec)
    hidden = dict.fromkeys(SECRETS & {*values, *spec.kept}, "(secret)")
    return [{**each, "value": (values | hidden).get(each["name"])} for each in found if each["name"] != HANDLE]


def _described(name: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    words, field = DESCRIBED[name], to_snake(name)
    default = defaults.get(name) if name != "vmName" else None
    return {
        "name": name,
        "type": words.type,
        "default": default.replace(_ANY, "<vmName>") if isinstance(default, str) else default,
        "meaning": words.meaning,
        "changed": words.changed,
        "secret": name in SECRETS,
        "setting": f"VMOPS_{field.upper()}" if field in Settings.model_fields else None,
    }


def _values(spec: VmSpec) -> dict[str, Any]:
    """Give the values of a spec, by parameter; empty lists and mappings are left out."""
    return {name: value for name, value in spec.to_wire().items() if value not in ([], {})}
