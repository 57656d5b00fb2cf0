"""What is said between the daemon and the process of its guests: which there are to be, and how they are.

One JSON value a line. The daemon says what is wanted, all of it, as often as it likes; the answer is what is seen. That
something has changed by itself is said as ``{"changed": true}``, so that the daemon asks again.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

State: TypeAlias = Literal["booting", "up", "stopping", "down", "lost"]

Why: TypeAlias = Literal["", "asked", "poweroff", "killed", "refused"]
"""Why a guest is down: it was asked to, or has powered itself off, or its first process was killed; lost ones were
refused by the kernel."""

CHANGED = b'{"changed": true}\n'


@dataclass(frozen=True)
class Fault:
    """What is to go wrong with a guest, by its name; how often, or after how many bytes, and 0 for neither."""

    name: str = ""
    count: int = 0


@dataclass(frozen=True)
class Wanted:
    """A guest as it is to be.

    ``boot`` counts the starts that Azure means, ``allocation`` how often it had its hardware, and so its temporary
    disk, anew. ``force`` ends it without a word to it. ``port`` is where it was last reached, 0 for any. ``password``
    is sealed (`vmops.local.arm.state.secrets`), ``custom_data`` base64.
    """

    vm_id: str
    up: bool
    boot: int
    name: str
    user: str
    keys: tuple[str, ...] = ()
    password: str = field(default="", repr=False)
    custom_data: str = field(default="", repr=False)
    processors: int = 1
    allocation: int = 0
    port: int = 0
    force: bool = False
    fault: Fault = Fault()


@dataclass(frozen=True)
class Seen:
    """A guest as it is; ``ready`` once it can be logged in to and its first boot is over."""

    vm_id: str
    boot: int
    state: State
    why: str = ""
    ready: bool = False
    port: int = 0
    host_key: str = ""


def wanted_line(guests: Sequence[Wanted]) -> bytes:
    """Write what is wanted."""
    return json.dumps([asdict(each) for each in guests]).encode() + b"\n"


def read_wanted(line: bytes) -> list[Wanted]:
    """Read what is wanted."""
    return [_wanted(**each) for each in json.loads(line)]


def seen_line(guests: Sequence[Seen]) -> bytes:
    """Write what is seen."""
    return json.dumps([asdict(each) for each in guests]).encode() + b"\n"


def read_seen(line: bytes) -> list[Seen]:
    """Read what is seen."""
    return [Seen(**each) for each in json.loads(line)]


def _wanted(keys: Sequence[str], fault: dict[str, str], **others: object) -> Wanted:
    return Wanted(keys=tuple(keys), fault=Fault(**fault), **others)  # type: ignore[arg-type]
