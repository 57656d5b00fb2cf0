"""Ends all guests of a state directory, and their process: they shut down, and their disks stay."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from vmops.core import processes
from vmops.core.children import Child
from vmops.core.polling import NotYet, poll_until
from vmops.local.guests import place
from vmops.local.guests.place import Running

_END_TIMEOUT = 20.0
"""Seconds for all guests to end: each has eight, and they end in parallel."""

_POLL_INTERVAL = 0.01
"""Seconds between two checks whether they have ended."""


def end(state_dir: Path) -> bool:
    """End them, including those that a killed process has left; tell whether there was anything to end."""
    begun = _begun(state_dir) if place.find(state_dir) is None and place.are_left(state_dir) else None
    found = place.find(state_dir)
    if found is None:
        return False
    _send(found, signal.SIGTERM)
    if poll_until(lambda: _gone(found), timeout=_END_TIMEOUT) is None:
        _send(found, signal.SIGKILL)
        poll_until(lambda: _gone(found), timeout=_END_TIMEOUT)
    processes.reap(found.pid)
    if begun:
        begun.wait()
    return True


def _begun(state_dir: Path) -> "Child | None":
    """Start the process that knows how to end them."""
    from vmops.local.guests.client import NoGuests, start

    with suppress(NoGuests):
        return start(state_dir)
    return None


def _send(found: Running, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(found.pid, number)


def _gone(found: Running) -> bool | NotYet:
    return NotYet(_POLL_INTERVAL) if found.alive else True
