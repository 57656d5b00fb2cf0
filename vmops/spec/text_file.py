"""Text as editors of any system save it."""

import codecs
from pathlib import Path

_ENCODINGS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
"""By the byte order mark that a file begins with. Source: Unicode standard, section 23.8; PowerShell documentation,
about_Character_Encoding: Windows PowerShell's ``>`` writes UTF-16, and its ``-Encoding utf8`` the mark."""


def read(path: Path) -> str:
    """Read a file of UTF-8, or of what its byte order mark says; the mark is no part of the text, line ends are.

    Raises: UnicodeDecodeError if it is neither; OSError if it cannot be read.
    """
    content = path.read_bytes()
    return content.decode(next((name for mark, name in _ENCODINGS if content.startswith(mark)), "utf-8"))
