"""Translates a program's properties to ARM's bodies, and back."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from vmops.core.errors import VmopsError
from vmops.local.provider.schema import ENVELOPE, PLAIN, ResourceType, Shape

Properties = dict[str, Any]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands for a value that is known only after a deployment. Source: Pulumi SDK, ``pulumi.runtime.rpc.UNKNOWN``."""


def resource_id(resource: ResourceType, inputs: Properties, subscription: str) -> str:
    """Give the ARM id from the path parameters among the inputs."""
    named = {name: quote(str(inputs[name]), safe="") for name in resource.parameters}
    return resource.path.format(subscriptionId=subscription, **named)


def path_inputs(resource: ResourceType, arm_id: str) -> Properties:
    """Give the path parameters from an ARM id; the words of a path are compared ignoring case.

    Raises: `VmopsError` when the id is not one of this type.
    """
    pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", resource.path)
    if not (found := re.fullmatch(pattern, arm_id, re.IGNORECASE)):
        raise VmopsError(f"'{arm_id}' is not the id of a {resource.name}: it must look like '{resource.path}'")
    return {name: unquote(found[name]) for name in resource.parameters}


def to_body(resource: ResourceType, inputs: Properties) -> Properties:
    """Give the body of a PUT, without inputs that are not part of it (names, flags)."""
    body: Properties = _wrap(resource.shape, {name: inputs[name] for name in inputs if name in resource.inputs})
    return body


def to_outputs(resource: ResourceType, body: Properties) -> Properties:
    """Give the outputs from an ARM body; properties that are null or unknown to the type are left out."""
    flat: Properties = _unwrap(resource.shape, body)
    outputs = {name: flat[name] for name in flat if name in resource.outputs}
    return {**outputs, "azureApiVersion": resource.api_version}


def to_inputs(resource: ResourceType, outputs: Properties) -> Properties:
    """Give the inputs that would make these outputs, without read-only properties and empty lists."""
    chosen = {name: outputs[name] for name in outputs if name in resource.inputs - {"id", "name", "type"}}
    inputs: Properties = _writable(resource.shape, chosen)
    return inputs


def preview(resource: ResourceType, inputs: Properties) -> Properties:
    """Give the outputs of a deployment that has not happened: the inputs, and UNKNOWN for the others."""
    return {**dict.fromkeys(resource.outputs, UNKNOWN), **to_outputs(resource, inputs)}


def _wrap(shape: Shape, value: Any) -> Any:
    if not isinstance(value, dict):
        return _each(_wrap, shape, value)
    made = {name: _wrap(shape.parts.get(name, PLAIN), part) for name, part in value.items()}
    made |= {name: {each: {} for each in made[name]} for name in shape.sets & made.keys()}
    if not shape.wrapped:
        return made
    envelope = {name: part for name, part in made.items() if name in ENVELOPE}
    inner = {name: part for name, part in made.items() if name not in ENVELOPE}
    return {**envelope, "properties": inner} if inner else envelope


def _unwrap(shape: Shape, value: Any) -> Any:
    if not isinstance(value, dict):
        return _each(_unwrap, shape, value)
    flat = value
    if shape.wrapped:
        envelope = {name: part for name, part in value.items() if name != "properties"}
        flat = {**(value.get("properties") or {}), **envelope}
    return {
        name: _unwrap(shape.parts.get(name, PLAIN), part)
        for name, part in flat.items()
        if part is not None and name not in shape.write_only
    }


def _writable(shape: Shape, value: Any) -> Any:
    if not isinstance(value, dict):
        return _each(_writable, shape, value)
    kept = {
        name: _writable(shape.parts.get(name, PLAIN), part)
        for name, part in value.items()
        if name not in shape.read_only
    }
    kept |= {name: sorted(value[name]) for name in shape.sets & kept.keys()}
    return {name: part for name, part in kept.items() if part not in ([], {})}


def _each(translate: Callable[[Shape, Any], Any], shape: Shape, value: Any) -> Any:
    return [translate(shape, item) for item in value] if isinstance(value, list) else value
