"""The language of template expressions, as in ``[concat('a', parameters('b').c[0])]``, parsed to a tree.

Source: Microsoft's page on the syntax and expressions of templates, which limits the length of an expression.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

_MAX_LENGTH = 24_576
_DEEPEST = 60
"""The deepest nesting of brackets; the limit is ours."""
_TOKEN = re.compile(
    r"(?P<StringLiteral>'(?:[^']|'')*')|(?P<Integer>-?[0-9]+)|(?P<Identifier>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<LeftParenthesis>\()|(?P<RightParenthesis>\))|(?P<LeftSquareBracket>\[)|(?P<RightSquareBracket>\])"
    r"|(?P<Comma>,)|(?P<Dot>\.)"
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class TemplateError(Exception):
    """An error in a template, as a sentence that a user can act on."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal text or integer."""

    value: str | int


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    function: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A property of an object, or an element of a list."""

    holder: "Node"
    name: "Node"


Node: TypeAlias = Literal | Call | Part


class _Token(NamedTuple):
    kind: str
    text: str


def inner(text: str) -> str | None:
    """Give the expression in a text of a template; None if the text is literal."""
    if text.startswith("[") and text.endswith("]") and not text.startswith("[["):
        return text[1:-1]
    return None


def unescaped(text: str) -> str:
    """Give the literal value of a text without an expression: ``[[`` at its start is an escaped bracket."""
    return text[1:] if text.startswith("[[") else text


@lru_cache(maxsize=1024)
def parse(text: str) -> Node:
    """Parse an expression, without the brackets around it; raises `TemplateError`.

    A deployment parses its template again whenever it continues.
    """
    if len(text) > _MAX_LENGTH:
        raise TemplateError(f"The language expression is longer than the limit of '{_MAX_LENGTH}' characters.")
    return _Reader(text).whole()


def written(node: Node) -> str:
    """Write an expression in the form that `parse` reads."""
    match node:
        case Literal(str() as text):
            return "'" + text.replace("'", "''") + "'"
        case Literal(number):
            return str(number)
        case Call(function, arguments):
            return f"{function}({', '.join(map(written, arguments))})"
        case Part(holder, Literal(str() as name)) if _WORD.fullmatch(name):
            return f"{written(holder)}.{name}"
        case Part(holder, name):
            return f"{written(holder)}[{written(name)}]"


class _Reader:
    """Parses one expression from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._depth = text, 0
        self._tokens = _tokens(text)
        self._next = next(self._tokens)

    def whole(self) -> Node:
        node = self._node()
        self._take("EndOfData")
        return node

    def _node(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise TemplateError(f"The language expression is nested deeper than '{_DEEPEST}' levels.")
        node = self._parts(self._value())
        self._depth -= 1
        return node

    def _value(self) -> Node:
        if self._next.kind == "StringLiteral":
            return Literal(self._take("StringLiteral")[1:-1].replace("''", "'"))
        if self._next.kind == "Integer":
            return Literal(self._number())
        name = self._take("Identifier")
        return Call(name, self._arguments())

    def _number(self) -> int:
        digits = self._take("Integer")
        if len(digits.lstrip("-")) > 18:
            raise TemplateError(f"The integer '{digits[:20]}' in a language expression is too great.")
        return int(digits)

    def _arguments(self) -> tuple[Node, ...]:
        found: list[Node] = []
        self._take("LeftParenthesis")
        while self._next.kind != "RightParenthesis":
            if found:
                self._take("Comma", instead="RightParenthesis")
            found.append(self._node())
        self._take("RightParenthesis")
        return tuple(found)

    def _parts(self, node: Node) -> Node:
        while self._next.kind in ("Dot", "LeftSquareBracket"):
            if self._next.kind == "Dot":
                self._take("Dot")
                name: Node = Literal(self._take("Identifier"))
            else:
                self._take("LeftSquareBracket")
                name = self._node()
                self._take("RightSquareBracket")
            node = Part(node, name)
        return node

    def _take(self, kind: str, *, instead: str = "") -> str:
        """Take the next token, which must be of a kind; the error may say what would be right instead."""
        found = self._next
        if found.kind != kind:
            raise TemplateError(
                f"Unable to parse language expression '{self._text}': expected token '{instead or kind}' and actual "
                f"'{found.kind}'."
            )
        self._next = next(self._tokens, found)
        return found.text


def _tokens(text: str) -> Iterator[_Token]:
    """Split an expression into tokens; the last is EndOfData. Source: azure-cnab-quickstarts#33, for their names."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise TemplateError(f"Unable to parse language expression '{text}': unexpected character '{text[at]}'.")
        yield _Token(match.lastgroup, match[0])
        at = match.end()
    yield _Token("EndOfData", "")
