"""One pass over a request: its names and words are spelled as ARM writes them, and what ARM does not know is found."""

from dataclasses import dataclass
from typing import Any, Literal

from vmops.local.arm.shapes.shape import Many, Named, Parts, Shape, Shown, Word, folded

_NOUNS = {Parts: "dict", Named: "dict", Many: "list", Word: "str"}


@dataclass(eq=False)
class Misfit(Exception):
    """What does not fit its shape: a member that is unknown, a value that is none of the words, or another type.

    ``path`` is where, such as ``properties.subnets[0].name``; ``told`` the value, or the noun of the right type.
    """

    what: Literal["member", "value", "type"]
    path: str
    told: str = ""


def normal(value: Any, shape: Shape, path: str = "") -> Any:
    """Return a value as its shape spells it; what only the service writes is left out.

    Names and words match without regard to case; values that people choose stay as they are. Raises: Misfit.
    """
    match shape:
        case Parts():
            return _object(value, shape, path)
        case Named(of):
            named = _require(value, dict, shape, path)
            return {name: normal(part, of, f"{path}.{name}") for name, part in named.items()}
        case Many(of):
            many = _require(value, list, shape, path)
            return [normal(part, of, f"{path}[{number}]") for number, part in enumerate(many)]
        case Word():
            return _word(_require(value, str, shape, path), shape, path)
        case _:
            return _plain(value, shape, path)


def _object(value: Any, shape: Parts, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, part in _require(value, dict, shape, path).items():
        where = f"{path}.{name}".lstrip(".")
        if name.lower() not in shape.names:
            raise Misfit("member", where)
        spelled, of = shape.names[name.lower()]
        if of is not Shown:
            found[spelled] = normal(part, of, where)
    return found


def _word(value: str, shape: Word, path: str) -> str:
    spelled = shape.spelled.get(folded(value))
    if spelled is None:
        raise Misfit("value", path, value)
    return spelled


def _plain(value: Any, kind: type, path: str) -> Any:
    number = isinstance(value, int | float) if kind is float else isinstance(value, kind)
    if not number or (isinstance(value, bool) and kind is not bool):
        raise Misfit("type", path, kind.__name__)
    return value


def _require(value: Any, kind: type, shape: Shape, path: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, list) and None in value):
        raise Misfit("type", path, _NOUNS[type(shape)])
    return value
