"""The expressions of policy rules: ``[concat('tags[', parameters('name'), ']')]`` and such.

Source: Microsoft's page on the structure of policy definitions, policy functions.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<word>\w+)|(?P<mark>[\[\].,()]))\s*")


@dataclass(frozen=True, slots=True)
class Context:
    """What an expression may look at: the policy's parameters, the resource group, and the fields of the resource."""

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
    """Return a part of an object by its name in any case, None if there is none."""
    if not isinstance(holder, Mapping):
        return None
    return next((value for key, value in holder.items() if key.lower() == str(name).lower()), None)


def compiled(plain: Any) -> Value:
    """Return what gives the value of a part of a rule: an expression is in brackets, all else stands for itself.

    Raises: ValueError for an expression that cannot be read, or that calls what is not known here.
    """
    if not isinstance(plain, str) or not plain.startswith("["):
        return _constant(plain)
    if plain.startswith("[[") or not plain.endswith("]"):
        return _constant(plain.removeprefix("["))
    return _Reader(plain[1:-1]).whole()


class _Reader:
    """Read one expression from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens = text, _tokens(text)

    def whole(self) -> Value:
        value = self._value()
        if self._tokens:
            raise self._misfit()
        return value

    def _value(self) -> Value:
        kind, token = self._next()
        if kind == "text":
            value = _constant(token[1:-1].replace("''", "'"))
        elif kind == "number":
            value = _constant(int(token))
        elif kind == "word":
            value = self._call(token)
        else:
            raise self._misfit()
        while self._tokens and self._tokens[0][1] in (".", "["):
            value = self._part_of(value)
        return value

    def _call(self, name: str) -> Value:
        function = _FUNCTIONS.get(name.lower())
        if function is None:
            raise ValueError(f"{name}() is no function that is known here: {', '.join(_FUNCTIONS)}")
        self._expect("(")
        arguments: list[Value] = []
        while self._tokens and self._tokens[0][1] != ")":
            arguments.append(self._value())
            if self._tokens and self._tokens[0][1] == ",":
                self._next()
        self._expect(")")
        return lambda context: function(context, [argument(context) for argument in arguments])

    def _part_of(self, holder: Value) -> Value:
        _, mark = self._next()
        if mark == ".":
            _, word = self._next()
            return lambda context: found(holder(context), word)
        name = self._value()
        self._expect("]")
        return lambda context: found(holder(context), name(context))

    def _next(self) -> tuple[str, str]:
        if not self._tokens:
            raise self._misfit()
        return self._tokens.pop(0)

    def _expect(self, mark: str) -> None:
        if self._next()[1] != mark:
            raise self._misfit()

    def _misfit(self) -> ValueError:
        return ValueError(f"[{self._text}] is no expression that can be read here")


def _constant(value: Any) -> Value:
    return lambda _context: value


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ValueError(f"[{text}] is no expression that can be read here")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens
