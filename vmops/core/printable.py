"""Escapes control characters in text from elsewhere, so that a terminal shows it safely."""

import re

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters except tab and newline, characters that change the writing direction, and surrogates.

Source: Unicode, general category Cc, property Bidi_Control, and the surrogates, which no encoding has.
"""


def printable(text: str) -> str:
    r"""Escape each control character as Python does in a string: ESC becomes ``\x1b``."""
    return _CONTROL.sub(lambda found: _code(ord(found.group())), text)


def _code(number: int) -> str:
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
