"""The template functions that format, split and cut texts.

Source: Microsoft's page on the string functions of templates.
"""

import re
from typing import Any

from vmops.local.arm.deployments.arguments import as_integer, as_text
from vmops.local.arm.deployments.values import text_of

_BRACES = re.compile(r"\{\{|\}\}|\{(?P<number>[0-9]{1,3})(?::(?:D(?P<digits>[0-9]{1,2})|(?P<other>[^}]*)))?\}|[{}]")


def formatted(pattern: str, *given: Any) -> str:
    """Fill in ``{0}``, or ``{0:D3}`` for a number of digits; two braces in a row are a literal one."""

    def fill(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        if match["number"] is None or match["other"] is not None:
            raise ValueError
        value = given[int(match["number"])]
        return text_of(value) if match["digits"] is None else f"{as_integer(value):0{int(match['digits'])}d}"

    return _BRACES.sub(fill, as_text(pattern))


def split(text: Any, marks: Any) -> list[str]:
    """Split a text at a mark, or at each of several."""
    parts = [as_text(text)]
    for mark in marks if isinstance(marks, list) else [marks]:
        parts = [piece for part in parts for piece in part.split(as_text(mark))]
    return parts


def substring(text: Any, start: Any, length: Any = None) -> str:
    """Give a part of a text, by default up to its end; raises ``IndexError`` if it does not exist."""
    end = len(as_text(text)) if length is None else as_integer(start) + as_integer(length)
    if not 0 <= as_integer(start) <= end <= len(text):
        raise IndexError
    return as_text(text[start:end])
