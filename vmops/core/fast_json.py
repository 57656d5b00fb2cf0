"""Parses JSON in half the time of the standard library, which still parses what the faster parser refuses."""

import json
from typing import Any

from pydantic_core import from_json


def loads(text: str | bytes) -> Any:
    """Parse a text as `json.loads` does, which takes it if the faster parser does not.

    Half a surrogate pair, as a foreign resource's tag may contain it, is allowed in JSON, but not by that parser.

    Raises: ValueError; RecursionError if it is nested too deeply.
    """
    try:
        return from_json(text, cache_strings="keys")
    except ValueError:
        return json.loads(text)
