"""What a worker is told; light, because every caller imports it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Order:
    """All that a worker must be told; ``params`` is the spec or target as it goes over the pipe.

    ``silence`` is the seconds for which an engine without work may say nothing. ``doubtful``: what came before did not
    end well, so that the engine's state may lack what exists.
    """

    params: Mapping[str, Any] = field(repr=False)
    backend: str
    engine: str | None
    silence: float
    doubtful: bool

    def to_wire(self) -> bytes:
        """Give it as bytes; they hold its secrets."""
        return json.dumps(asdict(self)).encode()
