"""The conditions of policy rules, evaluated on a resource as it would be written.

Source: Microsoft's page on the structure of policy definitions, policy rules.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vmops.local.arm.policies.expression import Context, compiled
from vmops.local.arm.policies.fields import path_of, values_of
from vmops.local.arm.state.resource import Json

_HOLDS_SECRETS = "osprofile"


@dataclass(frozen=True, slots=True)
class Subject:
    """The resource under evaluation, and what was found of it on the way."""

    body: Json
    kind: str
    context: Context
    seen: list[Json] = field(default_factory=list)


Meets = Callable[[Any, Any], bool]
Test = Callable[[Subject], bool]


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower()


def _like(value: Any, pattern: Any) -> bool:
    words = map(re.escape, _text(pattern).split("*"))
    return value is not None and re.fullmatch(".*".join(words), _text(value), re.DOTALL) is not None


def _contains(value: Any, part: Any) -> bool:
    return _text(part) in ([_text(each) for each in value] if isinstance(value, list) else _text(value))


def _exists(value: Any, wanted: Any) -> bool:
    return (value is not None) is (_text(wanted) == "true")


def _contrary(meets: Meets) -> Meets:
    return lambda value, wanted: not meets(value, wanted)


# operator → its test of a value; ``not…`` negates each
_OPERATORS: dict[str, Meets] = {
    "equals": lambda value, wanted: _text(value) == _text(wanted),
    "in": lambda value, wanted: _text(value) in map(_text, wanted or []),
    "like": _like,
    "contains": _contains,
}
OPERATORS = {
    **_OPERATORS,
    **{f"not{name}": _contrary(meets) for name, meets in _OPERATORS.items()},
    "exists": _exists,
}


def condition(plain: Any) -> Test:
    """Compile a condition to a test of a resource; raises ``ValueError`` for one that is not supported here."""
    if not isinstance(plain, Mapping):
        raise ValueError(f"{plain!r} is no condition")  # noqa: TRY004 - a rule is wrong, and no program
    names = {name.lower(): name for name in plain}
    if set(names) & {"allof", "anyof"}:
        name = next(iter(names))
        tests = [condition(each) for each in plain[names[name]]]
        together = all if name == "allof" else any
        return lambda subject: together([test(subject) for test in tests])
    if "not" in names:
        test = condition(plain[names["not"]])
        return lambda subject: not test(subject)
    return _leaf({names_lower: plain[name] for names_lower, name in names.items()})


def _leaf(plain: dict[str, Any]) -> Test:
    kind = next((name for name in ("field", "value") if name in plain), None)
    operator = next((name for name in plain if name in OPERATORS), None)
    if kind is None or operator is None or len(plain) != 2:
        known = f"one of field and value, and one of {', '.join(OPERATORS)}"
        raise ValueError(f"{plain!r} is no condition that is known here: that is {known}")
    left, wanted, meets = compiled(plain[kind]), compiled(plain[operator]), OPERATORS[operator]

    def test(subject: Subject) -> bool:
        name, target = left(subject.context), wanted(subject.context)
        values = values_of(subject.body, subject.kind, str(name)) if kind == "field" else [name]
        held = all(meets(value, target) for value in values)
        finding: Json = {"result": str(held), "expressionKind": kind.capitalize(), "expression": plain[kind]}
        finding |= _found(subject, str(name), values) if kind == "field" else {"expressionValue": name}
        subject.seen.append(finding | {"targetValue": target, "operator": operator.capitalize()})
        return held

    return test


def _found(subject: Subject, name: str, values: list[Any]) -> Json:
    """Give a field's path and value as a refusal shows them; possible secrets are left out."""
    path = {"path": path_of(name, subject.kind) or name}
    if _HOLDS_SECRETS in name.lower() or values in ([], [None]):
        return path
    return path | {"expressionValue": values[0] if len(values) == 1 else values}
