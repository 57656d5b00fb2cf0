"""The library's log: the standard logger ``vmops``, silent until a program adds a handler.

Events are written with structlog and become records of `logging`. The message of a record is the event and its fields
in words; its attribute ``vmops`` is a dict of the same fields, unchanged. structlog's global configuration belongs to
the program: nothing here reads or changes it.
"""

import json
import logging
import sys
from collections.abc import MutableMapping
from contextlib import nullcontext, redirect_stdout
from datetime import UTC, datetime
from typing import Any, Protocol

LOGGER = logging.getLogger("vmops")
LOGGER.addHandler(logging.NullHandler())


def get_logger() -> Any:
    """Give a structlog logger whose events become records of the standard logger ``vmops``."""
    closed = sys.stdout is not None and sys.stdout.closed
    with redirect_stdout(None) if closed else nullcontext():  # its import asks stdout whether it is a terminal
        import structlog

    return structlog.wrap_logger(
        LOGGER,
        processors=[structlog.stdlib.filter_by_level, _to_record],
        wrapper_class=structlog.stdlib.BoundLogger,
    )


class Lines(Protocol):
    """What can be written to, a line at a time."""

    def write(self, line: str, /) -> object:
        """Write a line."""


class JsonLines(logging.Handler):
    """Writes each of our records as a line of JSON: ``event``, its fields, ``level``, ``timestamp`` (ISO 8601, UTC)."""

    def __init__(self, file: Lines, ahead: float = 0.0) -> None:
        """Write to a file; this host's clock is so many seconds ``ahead`` of the one that dates what is written."""
        super().__init__()
        self._file, self._ahead = file, ahead

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record. If the file cannot be written, the line is lost and the work goes on."""
        try:
            fields = {**fields_of(record), "level": record.levelname.lower()}
            created = datetime.fromtimestamp(record.created - self._ahead, UTC)
            fields["timestamp"] = created.isoformat().replace("+00:00", "Z")
            if record.exc_info:
                fields["exception"] = logging.Formatter().formatException(record.exc_info)
            self._file.write(json.dumps(fields, default=str) + "\n")
        except (OSError, ValueError):
            self.handleError(record)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Give the event and the fields of a record. For a record of another library the event is its message."""
    found: dict[str, Any] = getattr(record, "vmops", {"event": record.getMessage()})
    return found


def _to_record(_logger: object, _method: str, event: MutableMapping[str, Any]) -> tuple[tuple[str], dict[str, Any]]:
    """Turn an event into the arguments of a `logging.Logger` method. This is the last processor."""
    raised = {"exc_info": event.pop("exc_info")} if "exc_info" in event else {}
    name, *rest = event.pop("event"), *(f"{key}={value!r}" for key, value in event.items())
    return (" ".join([name, *rest]),), {"extra": {"vmops": {"event": name, **event}}, **raised}
