"""JSON as Azure reads it: with comments, names without quotes, single quotes, texts of many lines, and last commas.

The Azure CLI sends a template as its author wrote it, after the name ``template`` without quotes; files of parameters
are written so, too. Source: azure-cli, ``JsonCTemplatePolicy``; Azure documentation, template syntax: comments and
multi-line strings.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<text>"(?:[^"\\]|\\.)*")|'(?P<single>(?:[^'\\]|\\.)*)'"""
    r"""|(?P<name>[A-Za-z_$][\w$]*(?=\s*:))|(?P<end>,(?=\s*[}\]]))|(?P<rest>[^"'/A-Za-z_$,]+|.)""",
    re.DOTALL,
)


def read(text: str, parse_constant: Callable[[str], Any]) -> Any:
    """Read a value; ``parse_constant`` is told of what is no number. Raises: ValueError, by its line in the text."""
    plain = "".join(_plain(_without_comments(text)))
    return json.loads(plain, strict=False, parse_constant=parse_constant)


def no_number(word: str) -> Any:
    """Refuse what Python's reader takes for a number and JSON does not know. Raises: ValueError."""
    raise ValueError(f"{word} is no JSON")


def _without_comments(text: str) -> str:
    return _TOKEN.sub(lambda token: f" {_lines(token['comment'])}" if token["comment"] else token[0], text)


def _lines(comment: str) -> str:
    """Give the ends of lines in a comment: what follows it stays on its line."""
    return "\n" * comment.count("\n")


def _plain(text: str) -> Iterator[str]:
    for token in _TOKEN.finditer(text):
        if token["name"]:
            yield f'"{token["name"]}"'
        elif token["single"] is not None:
            inner = token["single"].replace("\\'", "'").replace('"', '\\"')
            yield f'"{inner}"'
        elif not token["end"]:
            yield token[0]
