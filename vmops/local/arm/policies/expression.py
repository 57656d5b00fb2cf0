"""The expressions of policy rules, such as ``[concat('tags[', parameters('name'), ']')]``, as in templates.

Source: Microsoft's page on the structure of policy definitions, policy functions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vmops.local.arm.deployments.expression import Call, Literal, Node, Part, TemplateError, inner, parse, unescaped


@dataclass(frozen=True, slots=True)
class Context:
    """What an expression may refer to: the policy's parameters, the resource group, and the resource's fields."""

    parameters: Mapping[str, Any]
    group: Mapping[str, Any]
    field: Callable[[str], Any]


Value = Callable[[Context], Any]
# function → what it gives for its arguments
_FUNCTIONS: dict[str, Callable[[Context, Sequence[Any]], Any]] = {
    "parameters": lambda context, given: found(context.parameters, given[0]),
    "resourcegroup": lambda context, _given: context.group,
    "field": lambda context, given: context.field(str(given[0])),
    "concat": lambda _context, given: "".join(map(str, given)),
    "tolower": lambda _context, given: str(given[0]).lower(),
    "toupper": lambda _context, given: str(given[0]).upper(),
}


def found(holder: Any, name: Any) -> Any:
    """Return a part of an object by its name in any case; None if there is none."""
    if not isinstance(holder, Mapping):
        return None
    return next((value for key, value in holder.items() if key.lower() == str(name).lower()), None)


def compiled(plain: Any) -> Value:
    """Compile a part of a rule to a function of its value: text in brackets is an expression, anything else is literal.

    Raises: ValueError for an expression that cannot be read, or calls an unsupported function.
    """
    if not isinstance(plain, str):
        return _constant(plain)
    text = inner(plain)
    if text is None:
        return _constant(unescaped(plain))
    try:
        return _value(parse(text))
    except TemplateError as wrong:
        raise ValueError(str(wrong)) from None


def _value(node: Node) -> Value:
    match node:
        case Literal(value):
            return _constant(value)
        case Part(holder, name):
            whole, named = _value(holder), _value(name)
            return lambda context: found(whole(context), named(context))
        case Call(name, given):
            function = _FUNCTIONS.get(name.lower())
            if function is None:
                raise ValueError(f"{name}() is no function that is known here: {', '.join(_FUNCTIONS)}")
            arguments = [_value(each) for each in given]
            return lambda context: function(context, [argument(context) for argument in arguments])


def _constant(value: Any) -> Value:
    return lambda _context: value
