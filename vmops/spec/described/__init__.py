"""The meaning of each parameter, as docs/parameters.md has it: its type, what it does, what a change of it does."""

from collections.abc import Mapping

from vmops.spec.described.entry import Described
from vmops.spec.described.keeping import KEEPING
from vmops.spec.described.machine import MACHINE
from vmops.spec.described.network import NETWORK

DESCRIBED: Mapping[str, Described] = {**MACHINE, **NETWORK, **KEEPING}

NAMES = tuple(DESCRIBED)
"""All parameters, in the order in which they are described."""

SECRETS = frozenset({"adminPasswordOrKey", "customData"})
"""The parameters whose values are never shown."""
