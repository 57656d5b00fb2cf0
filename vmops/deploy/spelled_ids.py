"""Gives the ids of external resources in a spec the case in which they were declared last.

ARM ignores the case of ids. The engine does not: it would replace a VM whose image id is written in another case.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vmops.engine.reconcile import declared
from vmops.spec.vm_spec import VmSpec

_FIELDS = ("subnet_id", "image_id", "proximity_placement_group", "managed_identity")


def are_named(spec: VmSpec) -> bool:
    """Tell whether a spec contains ids."""
    return any(getattr(spec, field) for field in _FIELDS)


def respelled(spec: VmSpec, state: Mapping[str, Any] | None) -> VmSpec:
    """Give the same spec with its ids as the stack declared them, from its exported state."""
    known = {each.lower(): each for inputs in declared.all_inputs(state) for each in _ids(inputs)}
    asked = {field: getattr(spec, field) for field in _FIELDS}
    return spec.model_copy(update={field: _known(value, known) for field, value in asked.items()})


def _known(value: str | tuple[str, ...] | None, known: Mapping[str, str]) -> str | tuple[str, ...] | None:
    if isinstance(value, tuple):
        return tuple(known.get(each.lower(), each) for each in value)
    return known.get(value.lower(), value) if value else value


def _ids(value: Any) -> Iterator[str]:
    """Find ids among inputs, at any depth."""
    if isinstance(value, str) and value.startswith("/"):
        yield value
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _ids(each)
