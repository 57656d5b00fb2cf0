"""The texts of refusals from all tables, with blanks that are filled in from the call."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vmops.local.arm.refusals import compute, disks, faults, gateway, network

_PROVIDERS = network.REFUSALS | compute.REFUSALS | disks.REFUSALS | faults.NETWORK | faults.COMPUTE
_GATEWAY = gateway.REFUSALS | faults.GATEWAY
_BLANK = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class RefusalText:
    """A row of the tables: the HTTP status, the message with its blanks, and whether the front door sends it."""

    status: int
    message: str
    gateway: bool


def find(row: str) -> RefusalText | None:
    """Give the row of that name: ARM's code with the table's suffix; None if there is none."""
    if row in _GATEWAY:
        return RefusalText(*_GATEWAY[row], gateway=True)
    return RefusalText(*_PROVIDERS[row], gateway=False) if row in _PROVIDERS else None


def message_of(custom: str, row: str, blanks: Mapping[str, object]) -> str:
    """Give a fault's message: its own text, else the row's. Unknown blanks are filled with the resource's name."""
    known = find(row)
    if custom or known is None:
        return filled(custom, blanks)
    return _BLANK.sub(lambda blank: str(blanks.get(blank[1], blanks.get("name", ""))), known.message)


def filled(message: str, blanks: Mapping[str, object]) -> str:
    """Fill in the known blanks; other braces stay as they are."""
    return _BLANK.sub(lambda blank: str(blanks.get(blank[1], blank[0])), message)
