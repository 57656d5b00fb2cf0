"""The faster parser gives what the standard library's gives, and no text that only one of them takes is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmops.core import fast_json

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(_VALUES, st.booleans())
def test_parsed_as_by_the_standard_library(value: object, ascii_only: bool) -> None:
    """Text and bytes, escaped or not."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert fast_json.loads(text) == fast_json.loads(text.encode()) == value


@pytest.mark.parametrize("text", ['{"tag": "\\ud800"}', "[" * 500 + "]" * 500])
def test_what_the_faster_parser_refuses_is_parsed(text: str) -> None:
    """Half a surrogate pair is allowed in JSON, and so is any depth."""
    assert fast_json.loads(text) == json.loads(text)


@pytest.mark.parametrize("text", ["", "{", '{"a": 1,}', "<html>"])
def test_no_json_is_a_value_error(text: str) -> None:
    """As for the standard library."""
    with pytest.raises(ValueError, match="line 1"):
        fast_json.loads(text)


def test_too_deep_is_a_recursion_error() -> None:
    """Callers treat it as an answer that cannot be read."""
    with pytest.raises(RecursionError):
        fast_json.loads("[" * 200_000)
