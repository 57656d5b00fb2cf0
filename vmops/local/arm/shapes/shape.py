"""What a shape is made of.

A shape is a type (`str`, `int`, `bool`, `float`), one of a few words, a list, a mapping whose keys are people's own, or
an object with named parts. What has no name in a shape ARM does not know.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


class Shown:
    """A part that only the service writes: a request may bring it back as it was shown, and it is passed over."""


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few words; ``spelled`` gives each as ARM writes it, by its `folded` form."""

    spelled: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Many:
    """A list of parts of one shape."""

    of: "Shape"


@dataclass(frozen=True, slots=True)
class Named:
    """An object whose keys are people's own, such as tags: they are kept as they come.

    In one that is ``removable`` null stands for what is to be taken away; elsewhere null is as good as absent.
    """

    of: "Shape"
    removable: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """An object; ``names`` gives each part's name as ARM writes it, and its shape, by the name in lower case."""

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
    """Give a word as it is compared: in lower case, and without the blanks that a list of words may come with."""
    return word.replace(" ", "").lower()


def words(text: str) -> Word:
    """Describe one of the words in a text, between bars: ``Delete|Detach``."""
    return Word({folded(word): word for word in text.split("|")})


def parts(plain: str = "", shown: str = "", /, **others: Shape) -> Parts:
    """Describe an object: its plain parts as ``name`` or ``name:kind``, those only shown, and the others by name.

    The kinds are ``int``, ``bool``, ``float``, ``texts``, ``id`` (an object with an id and nothing else) and ``ids``.
    """
    known: dict[str, Shape] = {**dict(_plain(plain)), **dict.fromkeys(shown.split(), Shown), **others}
    return Parts({name.lower(): (name, shape) for name, shape in known.items()})


def _plain(text: str) -> Iterator[tuple[str, Shape]]:
    for word in text.split():
        name, _, kind = word.partition(":")
        yield name, _KINDS[kind]


def resource(properties: Shape, plain: str = "", shown: str = "", /, **others: Shape) -> Parts:
    """Describe a resource that has a location and tags: its properties, and what else lies beside them."""
    edge = parts("name", type=words("EdgeZone"))
    own: dict[str, Shape] = {"tags": TAGS, "extendedLocation": edge, "properties": properties}
    return parts(f"location {plain}", f"{_HEADING} {shown}", **own, **others)


def child(properties: Shape) -> Parts:
    """Describe a resource that lies in another one, in that one's request or by itself: it has no location."""
    return parts("name", "id type etag", properties=properties)


BESIDE = "name type location tags sku zones etag extendedLocation"
"""What may be shown of a resource beside its id and properties where another refers to it."""
LINK = parts("id", f"properties kind systemData {BESIDE}")
"""A reference that may come with all that was shown of what it refers to; only the id counts."""
DELETION = words("Delete|Detach")
ADDRESSES = words("IPv4|IPv6")
ALLOCATION = words("Static|Dynamic")
