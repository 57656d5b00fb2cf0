"""What a worker is told, and where it tells what it does; light, because every caller imports it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vmops.operation import Operation


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


def log_path(state_dir: Path, operation: Operation) -> Path:
    """Give the file that the worker of an operation logs to."""
    return state_dir / "logs" / operation.stack / f"{operation.id}.jsonl"
