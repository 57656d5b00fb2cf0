"""The description of each parameter, as in docs/parameters.md: its type, its meaning, and the effect of a change."""

from collections.abc import Mapping

from vmops.spec.described.entry import Described
from vmops.spec.described.keeping import KEEPING
from vmops.spec.described.machine import MACHINE
from vmops.spec.described.network import NETWORK

DESCRIBED: Mapping[str, Described] = {**MACHINE, **NETWORK, **KEEPING}

NAMES = tuple(DESCRIBED)
"""All parameters, in the order of their descriptions."""

SECRETS = frozenset({"adminPasswordOrKey", "customData"})
"""The parameters whose values are never shown."""
