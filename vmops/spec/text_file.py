"""Reads text files in the encodings that editors use."""

import codecs
from pathlib import Path

_ENCODINGS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
"""Encodings by the byte order mark at the start of a file. Windows PowerShell writes UTF-16 with ``>``, and UTF-8 with
a mark. Source: Unicode standard, section 23.8; PowerShell documentation, about_Character_Encoding.
"""


def read(path: Path) -> str:
    """Read a file as UTF-8, or by its byte order mark. The mark is dropped; line ends are kept.

    Raises: UnicodeDecodeError if it has neither encoding; OSError if it cannot be read.
    """
    content = path.read_bytes()
    return content.decode(next((name for mark, name in _ENCODINGS if content.startswith(mark)), "utf-8"))
