"""Names that a program left out."""

import hashlib
from dataclasses import dataclass
from enum import Enum

from vmops.local.provider.schema import ResourceType

_DIGITS = 8
"""Hexadecimal digits after a made name. Source: recorded calls of azure-native 2.76 (``rg8baa4592``)."""


class Policy(Enum):
    """What the engine says of made names. Source: Pulumi, ``CheckRequest.AutonamingOptions.Mode``."""

    PROPOSE = 0
    ENFORCE = 1
    DISABLE = 2


@dataclass(frozen=True)
class Autonaming:
    """The engine's wish for a name, and the seed that makes the same name again."""

    seed: bytes
    policy: Policy = Policy.PROPOSE
    proposal: str = ""


def make_name(resource: ResourceType, logical_name: str, wish: Autonaming) -> tuple[str | None, bool]:
    """Make the name of a resource from the name it has in the program.

    Returns: the name, None when the engine forbids to make one; and whether it may stand beside the old one, so that a
    replacement is created before the old one goes. A child of another resource is simply called as in the program.
    """
    if wish.policy is Policy.DISABLE:
        return None, False
    if wish.proposal:
        return wish.proposal, True
    if resource.nested:
        return logical_name, False
    return logical_name + hashlib.sha256(wish.seed).hexdigest()[:_DIGITS], True
