"""JSON as Azure reads it: with comments, unquoted names, single quotes, multi-line strings and trailing commas.

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
    """Read a value; ``parse_constant`` gets each constant that is not JSON.

    Raises: ValueError, with the line in the text.
    """
    plain = "".join(_plain(_without_comments(text)))
    return json.loads(plain, strict=False, parse_constant=parse_constant)


def no_number(word: str) -> Any:
    """Refuse constants that Python's reader accepts as numbers and JSON does not have. Raises: ValueError."""
    raise ValueError(f"{word} is no JSON")


def _without_comments(text: str) -> str:
    return _TOKEN.sub(lambda token: f" {_lines(token['comment'])}" if token["comment"] else token[0], text)


def _lines(comment: str) -> str:
    """Give the line ends of a comment, so that the text after it keeps its line number."""
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
