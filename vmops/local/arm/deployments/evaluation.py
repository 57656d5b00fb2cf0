"""Evaluates the values of a template: every text that is an expression is replaced by its result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vmops.local.arm.deployments import places
from vmops.local.arm.deployments.expression import Call, Literal, Node, Part, TemplateError, inner, parse, unescaped
from vmops.local.arm.deployments.functions import called, require_count, unknown
from vmops.local.arm.deployments.places import Place
from vmops.local.arm.deployments.values import NONE, found, is_integer, type_of

_MOST_COPIES = 800
"""Source: Microsoft's page on resource iteration in templates."""


class _Unknown:
    """A value that is known only during a deployment; everything that is computed from it is unknown too."""


UNKNOWN = _Unknown()
Reference = Callable[[str, str, bool], Any]
"""Gives a resource by name or id and an optional API version: all of it, or only its properties."""


@dataclass(frozen=True)
class Scope:
    """What an expression may refer to, at its place in the template.

    ``loops`` has the index of each loop around it, by name in lower case; ``""`` is the innermost loop of resources or
    outputs. Without ``reference`` it may refer to no other resource.
    """

    place: Place
    parameters: Mapping[str, Any] = field(default_factory=dict)
    variable: Callable[[str], Any] | None = None
    loops: Mapping[str, int] = field(default_factory=dict)
    reference: Reference | None = None

    def within(self, loop: str, index: int, *, inner: bool = False) -> "Scope":
        """Give the scope within one iteration of a loop; ``inner`` makes it the loop that needs no name."""
        named = {loop.lower(): index} | ({"": index} if inner else {})
        return replace(self, loops={**self.loops, **named})


def evaluate(value: Any, scope: Scope) -> Any:
    """Evaluate all expressions in a value of a template; raises `TemplateError`."""
    if isinstance(value, str):
        text = inner(value)
        return unescaped(value) if text is None else _run(parse(text), scope)
    if isinstance(value, list):
        return [evaluate(each, scope) for each in value]
    return _object(value, scope) if isinstance(value, Mapping) else value


def _object(value: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, part in value.items():
        if name.lower() == "copy" and isinstance(part, list):
            made |= {loop: copies(each, loop, scope) for each, loop in _loops(part)}
        else:
            made[_name(name, scope)] = evaluate(part, scope)
    return made


def _name(name: str, scope: Scope) -> str:
    made = evaluate(name, scope)
    if not isinstance(made, str):
        raise TemplateError(
            f"The name of a property is of type '{type_of(made)}': a value of type 'String' is expected."
        )
    return made


def _loops(listed: list[Any]) -> list[tuple[Mapping[str, Any], str]]:
    """Give the loops that produce properties, each with its name."""
    for each in listed:
        if not isinstance(each, Mapping) or not isinstance(each.get("name"), str) or "input" not in each:
            raise TemplateError(
                "A copy of a property has a 'name', a 'count' and an 'input'. "
                "Please see https://aka.ms/arm-copy for usage details."
            )
    return [(each, each["name"]) for each in listed]


def copies(loop: Mapping[str, Any], name: str, scope: Scope, *, inner: bool = False) -> list[Any]:
    """Evaluate the input of a loop once for each iteration."""
    return [evaluate(loop.get("input"), scope.within(name, at, inner=inner)) for at in range(count_of(loop, scope))]


def count_of(loop: Mapping[str, Any], scope: Scope) -> int:
    """Return the number of a loop's iterations."""
    count = evaluate(loop.get("count"), replace(scope, reference=None))
    if not is_integer(count) or not 0 <= count <= _MOST_COPIES:
        raise TemplateError(
            f"The count of a copy must be an integer from '0' to '{_MOST_COPIES}'. "
            "Please see https://aka.ms/arm-copy for usage details."
        )
    return int(count)


def _run(node: Node, scope: Scope) -> Any:
    match node:
        case Literal(value):
            return value
        case Part(holder, name):
            return _part(_run(holder, scope), _run(name, scope))
        case Call(function, arguments) if function.lower() == "if":
            return _choice(arguments, scope)
        case Call(function, arguments):
            return _call(function, [_run(argument, scope) for argument in arguments], scope)


def _choice(arguments: tuple[Node, ...], scope: Scope) -> Any:
    """Evaluate only the chosen branch. Source: Microsoft's page on logical functions."""
    require_count("if", arguments, 3, 3)
    condition = _run(arguments[0], scope)
    if condition is UNKNOWN:
        for branch in arguments[1:]:
            _run(branch, scope)
        return UNKNOWN
    if not isinstance(condition, bool):
        raise TemplateError(f"The condition of an 'if' is of type '{type_of(condition)}': a 'Boolean' is expected.")
    return _run(arguments[1 if condition else 2], scope)


def _part(holder: Any, name: Any) -> Any:
    """Return a property of an object or an element of a list. Source: users' reports of InvalidTemplate."""
    if UNKNOWN in (holder, name):
        return UNKNOWN
    if isinstance(holder, Mapping) and isinstance(name, str):
        part = found(holder, name, NONE)
        if part is NONE:
            known = ", ".join(holder)
            raise TemplateError(
                f"The language expression property '{name}' doesn't exist, available properties are '{known}'."
            )
        return part
    if isinstance(holder, list) and is_integer(name):
        if not 0 <= name < len(holder):
            raise TemplateError(f"The language expression property array index '{name}' is out of bounds.")
        return holder[name]
    raise TemplateError(f"The language expression property '{name}' can't be evaluated.")


def _call(name: str, arguments: list[Any], scope: Scope) -> Any:
    if name.lower() in _SCOPED:
        least, most, make = _SCOPED[name.lower()]
        require_count(name, arguments, least, most)
        return UNKNOWN if UNKNOWN in arguments else make(scope, arguments)
    if UNKNOWN in arguments:
        return UNKNOWN
    return called(name, arguments)


def _parameter(scope: Scope, given: list[Any]) -> Any:
    value = found(scope.parameters, str(given[0]), NONE)
    if value is NONE:
        raise TemplateError(
            f"The template parameter '{given[0]}' is not found. "
            "Please see https://aka.ms/arm-template/#parameters for usage details."
        )
    return value


def _variable(scope: Scope, given: list[Any]) -> Any:
    if scope.variable is None:
        raise misplaced("variables")
    return scope.variable(str(given[0]))


def _index(scope: Scope, given: list[Any]) -> int:
    """Return the index of the loop of that name, or of the innermost one, plus an offset."""
    named = [each for each in given if isinstance(each, str)]
    offsets = [each for each in given if is_integer(each)]
    at = scope.loops.get(named[0].lower() if named else "")
    if at is None or len(named) + len(offsets) < len(given) or max(len(named), len(offsets)) > 1:
        raise TemplateError(
            "The template function 'copyIndex' is not expected at this location. The function can only be used in a "
            "resource with copy specified. Please see https://aka.ms/arm-copy for usage details."
        )
    return at + sum(map(int, offsets))


def _reference(scope: Scope, given: list[Any]) -> Any:
    if scope.reference is None:
        raise misplaced("reference")
    named, version, whole = (*given, "", "")[:3]
    if not all(isinstance(each, str) for each in (named, version, whole)) or whole.lower() not in ("", "full"):
        raise TemplateError("The template function 'reference' takes a name or id, an API version and 'Full'.")
    return scope.reference(named, version, bool(whole))


def misplaced(name: str) -> TemplateError:
    """Give the error for a function in a place where it cannot be used. Source: Azure/template-analyzer#184."""
    return TemplateError(
        f"The template function '{name}' is not expected at this location. "
        "Please see https://aka.ms/arm-template-expressions for usage details."
    )


_SCOPED: dict[str, tuple[int, float, Callable[[Scope, list[Any]], Any]]] = {
    "copyindex": (0, 2, _index),
    "parameters": (1, 1, _parameter),
    "reference": (1, 3, _reference),
    "variables": (1, 1, _variable),
    "deployment": (0, 0, lambda scope, _given: scope.place.deployment),
    "resourcegroup": (0, 0, lambda scope, _given: scope.place.group),
    "resourceid": (2, float("inf"), lambda scope, given: places.resource_id(scope.place, given)),
    "subscription": (0, 0, lambda scope, _given: scope.place.subscription),
    "subscriptionresourceid": (
        2,
        float("inf"),
        lambda scope, given: places.subscription_resource_id(scope.place, given),
    ),
}
"""Functions that depend on the scope: their number of arguments, and what they compute."""
__all__ = ["UNKNOWN", "Reference", "Scope", "copies", "count_of", "evaluate", "misplaced", "unknown"]
