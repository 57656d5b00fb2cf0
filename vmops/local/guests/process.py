"""The guests' own process, beside the daemon: it imports, opens and reads what it needs before it gives root up.

Afterwards its user may not enter any directory above its own, and uses only what is open already.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile

from vmops.core import file_lock, private, processes, signals
from vmops.local.guests import place, privileges
from vmops.local.starter import tell

_SCRIPTS = {"init": "init.sh", "shim": "shim.sh"}


def main(state_dir: Path) -> None:
    """Report whether there can be guests, and if so run them until told to end."""
    signals.reset()
    os.umask(0o077)
    if sys.platform != "linux":
        _say("guests need Linux")
        return
    if find_spec("asyncssh") is None:
        _say("asyncssh is not installed here: pip install 'vmops[guests]'")
        return
    held = file_lock.acquire(place.lock_path(state_dir))
    if held is None:
        _say("another process has the guests", busy=True)
        return
    try:
        _serve(state_dir)
    except OSError as refused:
        _say(refused.strerror or str(refused))


def _serve(state_dir: Path) -> None:
    from vmops.local.guests import trial
    from vmops.local.guests.zygote import Zygote

    path = place.guests_path(state_dir)
    private.make_directory(path)
    user = privileges.spare_user(path) if os.geteuid() == 0 else None
    if user is not None:
        os.chown(path, user, user)
    confine = partial(privileges.confine, user)
    zygote = Zygote(confine)  # before all that it does not need is imported

    from vmops.local.guests.host import Host
    from vmops.local.guests.ssh_server import SshServer

    ssh_server = SshServer()
    ssh_server.begin(confine, None if user is None else _file(path))
    here = Path(__file__).parent
    scripts = {name: (here / file).read_bytes() for name, file in _SCRIPTS.items()}
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    with _listening(state_dir) as listener:
        place.write_own(state_dir)
        confine()
        processes.adopt_orphans()
        with closing(zygote), closing(ssh_server):
            if reason := trial.refusal(directory, zygote):
                _say(reason)
                return
            host = Host(directory, listener, _woken(lambda: host.end()), zygote, ssh_server, scripts)
            _say("")
            nobody_is_left = host.run()
    if nobody_is_left:
        _bury_all()


def _bury_all() -> None:
    """Reap children that delete something, or have served a visitor: a guest's first process reaps only its own."""
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _file(directory: Path) -> int:
    """Open a file without a name, on a disk and not in memory."""
    with TemporaryFile(dir=directory, buffering=0) as file:
        return os.dup(file.fileno())


def _listening(state_dir: Path) -> socket.socket:
    """Listen where daemons find it; only its owner may connect."""
    listener = socket.socket(socket.AF_UNIX)
    with place.address(state_dir) as address:
        Path(address).unlink(missing_ok=True)
        listener.bind(address)
    listener.listen()
    return listener


def _woken(end: Callable[[], None]) -> int:
    """Let SIGTERM request the end, and give a descriptor that becomes readable at SIGTERM or a child's death.

    Source: Python documentation, ``signal.set_wakeup_fd``.
    """
    waking, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: end())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return waking


def _say(reason: str, *, busy: bool = False) -> None:
    """Tell the starter whether there are guests, or why not; ``busy``: not yet."""
    tell(json.dumps({"reason": reason, "busy": busy}).encode() + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
