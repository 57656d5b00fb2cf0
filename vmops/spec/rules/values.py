"""Converts tunables: strings, numbers and booleans become the type of a parameter."""

from collections.abc import Callable, Iterable, Mapping

from vmops.core.durations import number

_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def text(value: object) -> str:
    """Return a string without surrounding space, or a number as text, because ``vmName=123`` arrives as an int."""
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    if not plain or not (word := str(value).strip()):
        raise ValueError(f"{value!r} is neither a word nor a number")
    return word


def integer(value: object) -> int:
    """Return an integer from 22, 22.0 or "22"."""
    try:
        result = number(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a whole number") from None
    if not result.is_integer():
        raise ValueError(f"{value!r} is not a whole number")
    return int(result)


def within(value: object, least: int, most: int, what: str) -> int:
    """Return an integer from ``least`` to ``most``. ``what`` describes a valid value in the error."""
    if not least <= (result := integer(value)) <= most:
        raise ValueError(f"{value!r} is not {what}")
    return result


def boolean(value: object) -> bool:
    """Return a boolean: true, yes, on and 1, or false, no, off and 0, in any case."""
    word = str(int(value)) if isinstance(value, bool | float) and value in (0, 1) else str(value).strip().lower()
    if word not in _TRUTH:
        raise ValueError(f"{value!r} is neither true nor false")
    return _TRUTH[word]


def items(value: object) -> tuple[object, ...]:
    """Return the items of a list or of "a,b"; a single value as one item."""
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    return tuple(value) if isinstance(value, Iterable) else (value,)


def pairs(value: object) -> dict[str, str]:
    """Return a mapping, from a mapping or from "k=v,k=v"."""
    if isinstance(value, Mapping):
        return {text(name): str(content) for name, content in value.items()}
    result: dict[str, str] = {}
    for item in items(value):
        name, equals, content = str(item).partition("=")
        if not equals or not name.strip():
            raise ValueError(f"{item!r} is not of the form name=value")
        if name.strip() in result:
            raise ValueError(f"{name.strip()!r} is given twice")
        result[name.strip()] = content.strip()
    return result


def one_of(*words: str) -> Callable[[object], str]:
    """Return a function that finds a value among ``words`` without regard to case."""
    known = {word.lower(): word for word in words}

    def choice(value: object) -> str:
        if (word := str(value).strip().lower()) not in known:
            raise ValueError(f"{value!r} is not one of {', '.join(words)}")
        return known[word]

    return choice
