"""Converts a record to a row of its table, and back."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from vmops.core import fast_json
from vmops.core.failures import Failure
from vmops.jobs.operation import Operation, State, Verb

COLUMNS = tuple(column.name for column in fields(Operation))
_MAPPINGS = ("outputs", "given", "secrets", "places")


def plain(value: Any) -> Any:
    """Give a value for a column; failures and mappings as JSON."""
    if isinstance(value, Failure):
        return json.dumps(value.as_dict())
    return json.dumps(value) if isinstance(value, dict) else value


def of(operation: Operation) -> dict[str, Any]:
    """Give a record as the values of its columns."""
    row = {name: plain(getattr(operation, name)) for name in COLUMNS}
    return {**row, **{name: json.dumps(dict(getattr(operation, name))) for name in _MAPPINGS}}


def record(row: Mapping[str, Any]) -> Operation:
    """Give the record of a row that `of` has made."""
    found = dict(row)
    failure = found["failure"]
    found.update(
        verb=Verb(found["verb"]),
        state=State(found["state"]),
        failure=Failure.from_dict(fast_json.loads(failure)) if failure else None,
        **{name: fast_json.loads(found[name]) for name in _MAPPINGS},
    )
    return Operation(**found)
