"""Normalises a request in one pass: spells names and words as ARM does, and finds what ARM does not know."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vmops.local.arm.shapes.shape import Many, Named, Parts, Shape, Shown, Word, folded


@dataclass(eq=False)
class Misfit(Exception):
    """A misfit with a shape: an unknown member, a value that is not one of the words, or another type.

    ``path`` is its position, such as ``properties.subnets[0].name``; ``detail`` the value, or the right type.
    """

    what: Literal["member", "value", "type"]
    path: str = ""
    detail: str = ""

    def lies(self, step: str) -> None:
        """Prepend a step to the path: a name, or a number in brackets."""
        inside = self.path if self.path.startswith("[") or not self.path else f".{self.path}"
        self.path = f"{step}{inside}"


def normal(value: Any, shape: Shape) -> Any:
    """Return a value in its shape's spelling, without read-only parts and nulls.

    Names and words match without regard to case; values that people choose stay as they are. Raises: Misfit.
    """
    if isinstance(shape, type):
        return _plain(value, shape)
    match shape:
        case Parts(names):
            return _object(_require(value, dict), names)
        case Named(of, removable):
            return _named(_require(value, dict), of, removable=removable)
        case Many(of):
            texts = [_as_text(part) if of is str else part for part in _require(value, list)]
            return [_part(part, of, f"[{at}]") for at, part in enumerate(texts)]
        case Word(spelled):
            return _word(_require(value, str), spelled)


def _as_text(value: Any) -> Any:
    """Read an integer in a list of texts as a text.

    Source: mlos_bench's own network parameters for Azure, which give a list of ports as numbers.
    """
    return str(value) if type(value) is int else value


def _object(value: dict[str, Any], names: Mapping[str, tuple[str, Shape]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, part in value.items():
        if part is None:
            continue
        known = names.get(name.lower())
        if known is None:
            raise Misfit("member", name)
        spelled, of = known
        if of is not Shown:
            found[spelled] = _part(part, of, name)
    return found


def _named(value: dict[str, Any], of: Shape, *, removable: bool) -> dict[str, Any]:
    present = {name: _part(part, of, name) for name, part in value.items() if part is not None}
    return {name: present.get(name) for name in value} if removable else present


def _part(value: Any, shape: Shape, step: str) -> Any:
    try:
        return normal(value, shape)
    except Misfit as misfit:
        misfit.lies(step)
        raise


def _word(value: str, spelled: Mapping[str, str]) -> str:
    word = spelled.get(folded(value))
    if word is None:
        raise Misfit("value", detail=value)
    return word


def _plain(value: Any, kind: type) -> Any:
    fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise Misfit("type", detail=kind.__name__)
    return value


def _require(value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or (isinstance(value, list) and None in value):
        raise Misfit("type", detail=kind.__name__)
    return value
