"""Reads the settings of the local Azure itself: faults, policies, capacity, each a list."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from vmops.core.errors import SpecError

T = TypeVar("T")


def read_list(adapter: TypeAdapter[list[T]], plain: object, name: str, sentence: Callable[[str, Any], str]) -> list[T]:
    """Read a list called ``name``; ``sentence`` describes one of pydantic's errors and its position.

    Raises: SpecError, with a sentence for each field that is wrong.
    """
    try:
        return adapter.validate_python(plain)
    except ValidationError as error:
        wrong = error.errors()
    raise SpecError([sentence(".".join(map(str, each["loc"])) or name, each) for each in wrong])


def rule_of(wrong: Any) -> str:
    """Give the text of the broken rule."""
    return str(wrong["msg"]).removeprefix("Value error, ")
