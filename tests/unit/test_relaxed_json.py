"""JSON as Azure reads it, with comments and other extensions."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmops.core.relaxed_json import read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 2]))
def test_plain_json_is_read_unchanged(value: Any, indent: int | None) -> None:
    """Strings may look like comments or names."""
    assert read(json.dumps(value, indent=indent), float) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, template:{"b": true}}', {"a": 1, "template": {"b": True}}),
        ('{// says "what"\n"a": 1 /* , */}', {"a": 1}),
        ('{"a": [1, 2,], }', {"a": [1, 2]}),
        ("{'a': 'it\\'s \"so\"'}", {"a": 'it\'s "so"'}),
        ("{\"a\": \"[concat(\n  'x', '//y')]\"}", {"a": "[concat(\n  'x', '//y')]"}),
    ],
)
def test_extensions_of_templates_are_read(text: str, value: Any) -> None:
    """As the Azure CLI sends them."""
    assert read(text, float) == value


@given(st.text(alphabet="{}[]:,'\"/*\\ \na1"))
def test_any_other_text_is_a_value_error(text: str) -> None:
    """No text is a fault of the reader's own."""
    with suppress(ValueError):
        assert json.dumps(read(text, float))
