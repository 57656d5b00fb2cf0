"""Type checks for the arguments of template functions; each raises ``TypeError`` for any other type."""

from collections.abc import Mapping
from typing import Any

from vmops.local.arm.deployments.values import is_integer


def as_text(value: Any) -> str:
    """Require a text."""
    if not isinstance(value, str):
        raise TypeError
    return value


def as_integer(value: Any) -> int:
    """Require an integer."""
    if not is_integer(value):
        raise TypeError
    number: int = value
    return number


def as_boolean(value: Any) -> bool:
    """Require true or false."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def as_list(value: Any) -> list[Any]:
    """Require a list."""
    if not isinstance(value, list):
        raise TypeError
    return value


def as_scalar(value: Any) -> Any:
    """Require a value that is neither a list nor an object."""
    if isinstance(value, list | Mapping):
        raise TypeError
    return value


def as_object(value: Any) -> dict[str, Any]:
    """Require an object."""
    if not isinstance(value, dict):
        raise TypeError
    return value
