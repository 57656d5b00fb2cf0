"""Names for resources that the program does not name."""

import hashlib
from dataclasses import dataclass
from enum import Enum

from vmops.local.provider.schema import ResourceType

_DIGITS = 8
"""Hexadecimal digits after a generated name. Source: recorded calls of azure-native 2.76 (``rg8baa4592``)."""


class Policy(Enum):
    """The engine's policy for generated names. Source: Pulumi, ``CheckRequest.AutonamingOptions.Mode``."""

    PROPOSE = 0
    ENFORCE = 1
    DISABLE = 2


@dataclass(frozen=True)
class Autonaming:
    """The engine's proposal for a name, and the seed that makes the same name again."""

    seed: bytes
    policy: Policy = Policy.PROPOSE
    proposal: str = ""


def make_name(resource: ResourceType, logical_name: str, wish: Autonaming) -> tuple[str | None, bool]:
    """Generate the name of a resource from its name in the program.

    Returns: the name, None if the engine forbids to generate one; and whether it may exist beside the old one, so that
    a replacement is created before the old one is deleted. A child of another resource has its name in the program.
    """
    if wish.policy is Policy.DISABLE:
        return None, False
    if wish.proposal:
        return wish.proposal, True
    if resource.nested:
        return logical_name, False
    return logical_name + hashlib.sha256(wish.seed).hexdigest()[:_DIGITS], True
