"""The protocol between the daemon and the guests' process: which guests are wanted, and their states.

One JSON value a line. The daemon sends the complete list of wanted guests, as often as it likes; the answer is their
states. A change without a request is announced as ``{"changed": true}``, so that the daemon asks again.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

State: TypeAlias = Literal["booting", "up", "stopping", "down", "lost"]

Why: TypeAlias = Literal["", "asked", "poweroff", "killed", "refused"]
"""Why a guest is down: on request, by its own power-off, by a kill of its first process, or by the kernel's refusal."""

CHANGED = b'{"changed": true}\n'


@dataclass(frozen=True)
class Fault:
    """A fault of a guest, by name, with its count or its number of bytes; 0 for neither."""

    name: str = ""
    count: int = 0


@dataclass(frozen=True)
class Wanted:
    """The wanted state of a guest.

    ``boot`` counts the starts by Azure, ``allocation`` the times when it got new hardware, and so a new temporary disk.
    ``force`` kills it without a request to end. ``port`` is where it was last reached, 0 for any. ``password`` is
    sealed (`vmops.local.arm.state.secrets`), ``custom_data`` base64.
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
    """The state of a guest; ``ready`` once it accepts logins and its first boot is over."""

    vm_id: str
    boot: int
    state: State
    why: str = ""
    ready: bool = False
    port: int = 0
    host_key: str = ""


def wanted_line(guests: Sequence[Wanted]) -> bytes:
    """Write the wanted guests."""
    return json.dumps([asdict(each) for each in guests]).encode() + b"\n"


def read_wanted(line: bytes) -> list[Wanted]:
    """Read the wanted guests."""
    return [_wanted(**each) for each in json.loads(line)]


def seen_line(guests: Sequence[Seen]) -> bytes:
    """Write the guests' states."""
    return json.dumps([asdict(each) for each in guests]).encode() + b"\n"


def read_seen(line: bytes) -> list[Seen]:
    """Read the guests' states."""
    return [Seen(**each) for each in json.loads(line)]


def _wanted(keys: Sequence[str], fault: dict[str, str], **others: object) -> Wanted:
    return Wanted(keys=tuple(keys), fault=Fault(**fault), **others)  # type: ignore[arg-type]
