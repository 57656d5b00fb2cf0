"""Translates statements, which are written as for SQLite, with ``?`` and ``:name``, to psycopg's placeholders."""

import re
from functools import lru_cache

_PARAMETER = re.compile(r"('(?:[^']|'')*')|\?|(?<![:\w]):(\w+)")
_REMEMBERED = 500


@lru_cache(_REMEMBERED)
def translated(query: str) -> str:
    """Translate a statement to psycopg's placeholders."""
    return _PARAMETER.sub(_parameter, query.replace("%", "%%"))


def _parameter(found: re.Match[str]) -> str:
    text, name = found.groups()
    return text or (f"%({name})s" if name else "%s")
