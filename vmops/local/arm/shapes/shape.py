"""The elements of shapes.

A shape is a type (`str`, `int`, `bool`, `float`), one of a few words, a list, a mapping with free keys, or an object
with named parts. ARM does not know names that the shape lacks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


class Shown:
    """A read-only part: a request may send it back as it was shown, and it is ignored."""


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few words; ``spelled`` gives ARM's spelling of each, by its `folded` form."""

    spelled: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Many:
    """A list of parts of one shape."""

    of: "Shape"


@dataclass(frozen=True, slots=True)
class Named:
    """An object with free keys, such as tags: they are kept as sent.

    If it is ``removable``, null removes a key; elsewhere null means absent.
    """

    of: "Shape"
    removable: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """An object; ``names`` gives each part's name in ARM's spelling, and its shape, by the name in lower case."""

    names: Mapping[str, tuple[str, "Shape"]]


Shape = type[str] | type[int] | type[bool] | type[float] | type[Shown] | Word | Many | Named | Parts


TEXTS = Many(str)
ID = Parts({"id": ("id", str)})
TAGS = Named(str)
_KINDS: dict[str, Shape] = {
    "": str,
    "int": int,
    "bool": bool,
    "float": float,
    "texts": TEXTS,
    "id": ID,
    "ids": Many(ID),
}
_HEADING = "id name type etag systemData"


def folded(word: str) -> str:
    """Normalise a word for comparison: lower case, and without the blanks of a list of words."""
    return word.replace(" ", "").lower()


def words(text: str) -> Word:
    """Describe one of several words, which bars separate in the text: ``Delete|Detach``."""
    return Word({folded(word): word for word in text.split("|")})


def parts(plain: str = "", shown: str = "", /, **others: Shape) -> Parts:
    """Describe an object: its plain parts as ``name`` or ``name:kind``, its read-only ones, and the others by name.

    The kinds are ``int``, ``bool``, ``float``, ``texts``, ``id`` (an object with an id and nothing else) and ``ids``.
    """
    known: dict[str, Shape] = {**dict(_plain(plain)), **dict.fromkeys(shown.split(), Shown), **others}
    return Parts({name.lower(): (name, shape) for name, shape in known.items()})


def _plain(text: str) -> Iterator[tuple[str, Shape]]:
    for word in text.split():
        name, _, kind = word.partition(":")
        yield name, _KINDS[kind]


def resource(properties: Shape, plain: str = "", shown: str = "", /, **others: Shape) -> Parts:
    """Describe a resource with a location and tags: its properties, and the other members beside them."""
    edge = parts("name", type=words("EdgeZone"))
    own: dict[str, Shape] = {"tags": TAGS, "extendedLocation": edge, "properties": properties}
    return parts(f"location {plain}", f"{_HEADING} {shown}", **own, **others)


def child(properties: Shape) -> Parts:
    """Describe a child resource, in its parent's request or by itself: it has no location."""
    return parts("name", "id type etag", properties=properties)


BESIDE = "name type location tags sku zones etag extendedLocation"
"""Members that may accompany the id and properties of a referenced resource."""
LINK = parts("id", f"properties kind systemData {BESIDE}")
"""A reference that may include everything that was shown of its target; only the id counts."""
DELETION = words("Delete|Detach")
ADDRESSES = words("IPv4|IPv6")
ALLOCATION = words("Static|Dynamic")
