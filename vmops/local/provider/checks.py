"""Check: fills in defaults, and refuses invalid inputs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vmops.local.provider.naming import Autonaming, make_name
from vmops.local.provider.schema import ResourceType, Shape
from vmops.local.provider.translate import UNKNOWN, Properties

CREATE_BEFORE_DELETE = "__createBeforeDelete"
"""The input that lets a replacement exist beside the old resource. Source: recorded calls of azure-native."""


@dataclass(frozen=True)
class Flaw:
    """One reason to refuse the inputs: the property and the sentence."""

    path: str
    reason: str


def complete(
    resource: ResourceType,
    news: Properties,
    olds: Properties,
    *,
    logical_name: str,
    wish: Autonaming,
    default_location: Callable[[Properties], str | None],
) -> Properties:
    """Fill in what the program left out: the name, the location and the API version.

    An old name and an old location are kept. ``default_location`` is called last and only if needed.
    """
    inputs = {**news, **_name(resource, news, olds, logical_name, wish)}
    if resource.located and not inputs.get("location"):
        location = olds.get("location") or default_location(inputs)
        inputs |= {"location": location} if location else {}
    inputs.setdefault("azureApiVersion", resource.api_version)
    return inputs


def flaws(resource: ResourceType, inputs: Properties) -> list[Flaw]:
    """Find required properties that are missing, and objects and lists that have another type."""
    missing = [_missing(name) for name in resource.parameters if not inputs.get(name)]
    return missing + list(_flaws(resource.shape, inputs, ""))


def _name(
    resource: ResourceType, news: Properties, olds: Properties, logical_name: str, wish: Autonaming
) -> Properties:
    parameter = resource.parameters[-1]
    if news.get(parameter):
        return {}
    if olds.get(parameter):
        made, beside = olds[parameter], olds.get(CREATE_BEFORE_DELETE) is True
    else:
        made, beside = make_name(resource, logical_name, wish)
    return ({parameter: made} if made else {}) | ({CREATE_BEFORE_DELETE: True} if beside else {})


def _flaws(shape: Shape, value: object, path: str) -> Iterator[Flaw]:
    if value == UNKNOWN:
        return
    if not isinstance(value, dict):
        yield Flaw(path, f"'{path}' should be an object")
        return
    yield from (_missing(_join(path, name)) for name in sorted(shape.required) if value.get(name) is None)
    for name, part in shape.parts.items():
        if name in value:
            yield from _part_flaws(part, value[name], _join(path, name))


def _part_flaws(shape: Shape, value: object, path: str) -> Iterator[Flaw]:
    if not isinstance(value, list):
        yield from _flaws(shape, value, path)
        return
    for index, item in enumerate(value):
        yield from _flaws(shape, item, f"{path}[{index}]")


def _missing(path: str) -> Flaw:
    hint = ". Either set it explicitly or configure it with 'pulumi config set azure-native:location <value>'"
    return Flaw(path, f"missing required property '{path}'{hint if path == 'location' else ''}")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
