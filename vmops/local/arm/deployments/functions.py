"""The template functions that depend on nothing but their arguments.

Source: Microsoft's pages on template functions: array, comparison, logical, numeric, object and string functions.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vmops.local.arm.deployments import texts
from vmops.local.arm.deployments.arguments import as_boolean, as_integer, as_list, as_object, as_scalar, as_text
from vmops.local.arm.deployments.expression import TemplateError
from vmops.local.arm.deployments.hashing import guid, unique_string
from vmops.local.arm.deployments.values import found, same, text_of, type_of

_LONGEST_RANGE = 10_000
_MAX_BYTES = 4 * 1024 * 1024
"""Source: Microsoft's page on limits, of templates in their final state, which is in bytes."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function: the least and the most arguments, and what it computes."""

    least: int
    most: float
    make: Callable[..., Any]


def called(name: str, arguments: Sequence[Any]) -> Any:
    """Call a function.

    Raises: TemplateError if the function is unknown, or its arguments are invalid.
    """
    function = FUNCTIONS.get(name.lower())
    if function is None:
        raise unknown(name)
    require_count(name, arguments, function.least, function.most)
    try:
        return _moderate(function.make(*arguments))
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError):
        given = ", ".join(type_of(argument) for argument in arguments)
        raise TemplateError(
            f"The template language function '{name}' cannot be applied to what it is given: '{given}'. "
            "Please see https://aka.ms/arm-functions for usage details."
        ) from None


def _moderate(value: Any) -> Any:
    """Refuse excessive results: integers beyond 64 bits, and texts and lists that grow without limit."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise OverflowError
    if isinstance(value, str | list) and len(value) > _MAX_BYTES:
        raise OverflowError
    return value


def unknown(name: str) -> TemplateError:
    """Give the error for an unknown function. Source: microsoft/vscode-azurearmtools#531."""
    return TemplateError(
        f"The template function '{name}' is not valid. "
        "Please see https://aka.ms/arm-template-expressions for usage details."
    )


def require_count(name: str, arguments: Sequence[Any], least: int, most: float) -> None:
    """Refuse a wrong number of arguments."""
    if least <= len(arguments) <= most:
        return
    expected = (
        f"'{least}'" if least == most else f"at least '{least}'" if len(arguments) < least else f"at most '{most}'"
    )
    raise TemplateError(
        f"The template language function '{name}' expects {expected} parameters, and '{len(arguments)}' were provided. "
        "Please see https://aka.ms/arm-template-expressions for usage details."
    )


def _concat(*parts: Any) -> Any:
    """Concatenate texts or lists."""
    if isinstance(parts[0], list):
        return [element for part in parts for element in as_list(part)]
    return "".join(text_of(as_scalar(part)) for part in parts)


def _compared(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Compare two integers, or two texts."""

    def compare(one: Any, other: Any) -> bool:
        kind = as_text if isinstance(one, str) else as_integer
        return holds(kind(one), kind(other))

    return compare


def _divided(one: Any, other: Any) -> int:
    """Divide integers, rounding towards zero."""
    whole = abs(as_integer(one)) // abs(as_integer(other))
    return whole if (one < 0) == (other < 0) else -whole


def _rest(one: Any, other: Any) -> int:
    """Give the remainder of a division, with the sign of the dividend."""
    return as_integer(one) - _divided(one, other) * as_integer(other)


def _numbers(*given: Any) -> list[int]:
    return [as_integer(each) for each in (given[0] if isinstance(given[0], list) else given)]


def _length(value: Any) -> int:
    if not isinstance(value, str | list | Mapping):
        raise TypeError
    return len(value)


def _contains(holder: Any, wanted: Any) -> bool:
    if isinstance(holder, Mapping):
        return found(holder, as_text(wanted)) is not None
    return (
        any(same(each, wanted) for each in holder) if isinstance(holder, list) else as_text(wanted) in as_text(holder)
    )


def _object(*given: Any) -> dict[str, Any]:
    if len(given) % 2:
        raise TypeError
    return dict(zip(map(as_text, given[::2]), given[1::2], strict=True))


def _union(*given: Any) -> Any:
    """Unite lists, keeping each element once, or objects; of equal properties the last one wins."""
    if isinstance(given[0], list):
        kept: list[Any] = []
        for element in _concat(*given):
            if not any(same(element, each) for each in kept):
                kept.append(element)
        return kept
    merged: dict[str, Any] = {}
    for each in given:
        merged |= as_object(each)
    return merged


def _range(start: Any, count: Any) -> list[int]:
    if not 0 <= as_integer(count) <= _LONGEST_RANGE:
        raise ValueError
    return list(range(as_integer(start), start + count))


def _int(value: Any) -> int:
    return int(value) if isinstance(value, str) else as_integer(value)


def _bool(value: Any) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    return value if isinstance(value, bool) else words[text_of(as_scalar(value)).lower()]


def _edge(at: int) -> Callable[[Any], Any]:
    def take(value: Any) -> Any:
        if not isinstance(value, str | list):
            raise TypeError
        return value[at] if value else "" if isinstance(value, str) else None

    return take


_MANY = float("inf")
FUNCTIONS: dict[str, Function] = {
    # texts
    "base64": Function(1, 1, lambda text: base64.b64encode(as_text(text).encode()).decode()),
    "concat": Function(1, _MANY, _concat),
    "format": Function(1, _MANY, texts.formatted),
    "guid": Function(1, _MANY, lambda *texts: guid(*map(as_text, texts))),
    "json": Function(1, 1, lambda text: json.loads(as_text(text))),
    "replace": Function(3, 3, lambda text, old, new: as_text(text).replace(as_text(old), as_text(new))),
    "split": Function(2, 2, texts.split),
    "string": Function(1, 1, text_of),
    "substring": Function(2, 3, texts.substring),
    "tolower": Function(1, 1, lambda text: as_text(text).lower()),
    "toupper": Function(1, 1, lambda text: as_text(text).upper()),
    "trim": Function(1, 1, lambda text: as_text(text).strip()),
    "uniquestring": Function(1, _MANY, lambda *texts: unique_string(*map(as_text, texts))),
    # lists and objects
    "contains": Function(2, 2, _contains),
    "createarray": Function(0, _MANY, lambda *elements: list(elements)),
    "createobject": Function(0, _MANY, _object),
    "empty": Function(1, 1, lambda value: value is None or not _length(value)),
    "first": Function(1, 1, _edge(0)),
    "last": Function(1, 1, _edge(-1)),
    "length": Function(1, 1, _length),
    "range": Function(2, 2, _range),
    "union": Function(2, _MANY, _union),
    # numbers
    "add": Function(2, 2, lambda one, other: as_integer(one) + as_integer(other)),
    "div": Function(2, 2, _divided),
    "int": Function(1, 1, _int),
    "max": Function(1, _MANY, lambda *given: max(_numbers(*given))),
    "min": Function(1, _MANY, lambda *given: min(_numbers(*given))),
    "mod": Function(2, 2, _rest),
    "mul": Function(2, 2, lambda one, other: as_integer(one) * as_integer(other)),
    "sub": Function(2, 2, lambda one, other: as_integer(one) - as_integer(other)),
    # comparisons and logic
    "and": Function(2, _MANY, lambda *given: all(list(map(as_boolean, given)))),
    "bool": Function(1, 1, _bool),
    "coalesce": Function(1, _MANY, lambda *given: next((each for each in given if each is not None), None)),
    "equals": Function(2, 2, same),
    "false": Function(0, 0, lambda: False),
    "greater": Function(2, 2, _compared(lambda one, other: one > other)),
    "greaterorequals": Function(2, 2, _compared(lambda one, other: one >= other)),
    "less": Function(2, 2, _compared(lambda one, other: one < other)),
    "lessorequals": Function(2, 2, _compared(lambda one, other: one <= other)),
    "not": Function(1, 1, lambda value: not as_boolean(value)),
    "null": Function(0, 0, lambda: None),
    "or": Function(2, _MANY, lambda *given: any(list(map(as_boolean, given)))),
    "true": Function(0, 0, lambda: True),
}
"""The functions by name in lower case: names match without regard to case."""
