"""The provider's own process: it serves engines, and starts the daemon again if that has died."""

import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from threading import Event
from types import FrameType

from vmops.core import signals
from vmops.core.preload import uncollected
from vmops.local import daemon, endpoint
from vmops.local.starter import tell

with uncollected():
    from vmops.local.provider.arm import Arm
    from vmops.local.provider.server import Served, serve

_CHECK_INTERVAL = 1.0
"""Seconds between two checks whether this process is still needed."""

_ALONE_TIMEOUT = 60.0
"""Seconds without a daemon that uses it after which this process ends."""


def main(state_dir: Path) -> None:
    """Serve until told to end, or until no longer needed: the daemon stays dead, or has another provider."""
    signals.reset()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    text, ended = sys.stdin.read(), Event()
    if not text:
        return  # the starter has died; its own log says why
    message = json.loads(text)
    arm = Arm(message["arm"], message["token"], lambda: "" if ended.is_set() else daemon.ensure(state_dir).arm)
    served = _serve(arm, message["port"])

    def end(_number: int = 0, _frame: FrameType | None = None) -> None:
        ended.set()
        served.stop()

    signal.signal(signal.SIGTERM, end)
    if not tell(f"{served.port}\n".encode()):
        end()
    needed = time.monotonic()
    while served.server.wait_for_termination(_CHECK_INTERVAL):
        if _needed(state_dir):
            needed = time.monotonic()
        elif time.monotonic() - needed > _ALONE_TIMEOUT:
            end()


def _serve(arm: Arm, port: int) -> Served:
    """Serve at a port, or at any other if it is taken."""
    try:
        return serve(arm, port)
    except OSError:
        return serve(arm)


def _needed(state_dir: Path) -> bool:
    record = endpoint.read(state_dir)
    return record is not None and record.alive and record.provider_pid == os.getpid()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
