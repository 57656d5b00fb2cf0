"""The local Azure as one background process for each state directory: found, started, replaced and stopped.

The starter takes a lock and passes it to the process, which holds it until it dies, so there is never a second one. A
daemon that died is replaced at the same ports with the same token, so that its endpoint stays valid. Its provider is a
separate process, which survives a kill of the daemon; so do engines and their work.
"""

import os
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, cast

from vmops.core import children, file_lock, interpreter, private, processes
from vmops.core.children import Apart, Child
from vmops.core.environment import filtered_environment
from vmops.core.errors import SpecError, StartFailed, VmopsError
from vmops.core.polling import NotYet, poll_until
from vmops.core.state_dir import local_path
from vmops.local import endpoint, process
from vmops.local.endpoint import Endpoint, Record
from vmops.local.guests import ASKED
from vmops.local.guests.end import end as end_guests

__all__ = ["Endpoint", "ensure", "find", "stop"]

DEFAULT_PACE = 0.02
"""Durations as a fraction of Azure's own: a VM that needs 91 seconds in Azure is ready after 2."""

_START_TIMEOUT = 60.0
"""Seconds within which a daemon starts or ends, whoever starts or ends it."""

_TERM_TIMEOUT = 5.0
"""Seconds from SIGTERM to SIGKILL."""

_POLL_INTERVAL = 0.01
"""Seconds between two checks whether a process or a lock is gone."""

_TLS, _PROXY = "--tls", "--proxy"
_GUESTS = "VMOPS_LOCAL_GUESTS"
"""The variable with the default kind of guests; processes that may start a daemon inherit it."""

_MODULE, _PROVIDER = "vmops.local.daemon", "vmops.local.provider_process"


def find(state_dir: Path) -> Endpoint | None:
    """Give the daemon of a state directory if it runs; no request is sent to it."""
    record = endpoint.read(state_dir)
    return record.endpoint if record and record.alive else None


def pace(state_dir: Path) -> float:
    """Give the pace of the local Azure of a state directory: durations as a fraction of Azure's own."""
    record = endpoint.read(state_dir)
    return record.pace if record else DEFAULT_PACE


def ensure(
    state_dir: Path,
    pace: float | None = None,
    tls: bool | None = None,
    proxy: bool | None = None,
    guests: str | None = None,
) -> Endpoint:
    """Give the daemon of a state directory, and start it if there is none; it answers when this returns.

    ``pace`` gives durations as a fraction of Azure's own. ``tls``: it also serves HTTPS. ``proxy``: it also serves a
    proxy that answers for Azure's hosts, which needs HTTPS. ``guests``: what runs inside its machines. A daemon with
    other options is restarted; None keeps the present or last option.

    Raises: StartFailed when it does not start; SpecError if the environment names an unknown kind of guests.
    """
    if proxy:
        tls = True
    elif tls is False:
        proxy = False
    options = _Options(pace, tls, proxy, guests, _default_guests())

    def find_or_start() -> Endpoint | NotYet:
        record = endpoint.read(state_dir)
        if record and record.whole and options.are_met(record):
            return record.endpoint
        if record and record.alive:
            _end(record)
        held = file_lock.acquire(_lock(state_dir))
        return NotYet(_POLL_INTERVAL) if held is None else _start(state_dir, options.arguments(record), held)

    if found := poll_until(find_or_start, timeout=_START_TIMEOUT):
        return found
    raise StartFailed(
        f"the local Azure of '{state_dir}' neither starts nor ends: see '{local_path(state_dir)}/daemon.log'",
        "end it with `vmops local stop`, then call again",
    )


def stop(state_dir: Path) -> bool:
    """Stop the daemon and wait until it is gone; it is killed if it does not exit in time.

    A daemon without a record is found by the lock that it holds; the start of a starting one is awaited first.

    Returns: whether there was one.
    Raises: `VmopsError` if a process that is no daemon holds the lock.
    """
    ended: list[int] = []

    def end() -> bool | NotYet:
        ended.extend(_end_all(state_dir))
        return NotYet(_POLL_INTERVAL) if file_lock.is_locked(_lock(state_dir)) else True

    if poll_until(end, timeout=_START_TIMEOUT):
        return end_guests(state_dir) or bool(ended)
    raise VmopsError(f"the process that holds '{_lock(state_dir)}' is no daemon of the local Azure: end that process")


@dataclass(frozen=True)
class _Options:
    """The requested options of a daemon. None keeps the present or last one; the environment may set the guests."""

    pace: float | None
    tls: bool | None
    proxy: bool | None
    guests: str | None
    default_guests: str

    def are_met(self, record: Record) -> bool:
        """Tell whether a daemon has these options."""
        here = record.endpoint
        listeners = self.tls in (None, bool(here.arm_tls)) and self.proxy in (None, bool(here.proxy))
        return listeners and self.pace in (None, record.pace) and self.guests in (None, record.guests)

    def arguments(self, last: Record | None) -> list[str]:
        """Give the arguments for these options; an option that is not requested stays as it was."""
        pace = self.pace if self.pace is not None else last.pace if last else DEFAULT_PACE
        tls = self.tls if self.tls is not None else bool(last and last.endpoint.arm_tls)
        proxy = self.proxy if self.proxy is not None else bool(last and last.endpoint.proxy)
        guests = self.guests or self.default_guests or (last.guests if last else "auto")
        return [str(pace), guests, *([_TLS] if tls else []), *([_PROXY] if proxy else [])]


def _default_guests() -> str:
    """Read the default kind of guests from the environment; '' for none. Raises: SpecError if it is unknown."""
    given = os.environ.get(_GUESTS, "")
    if given and given not in ASKED:
        raise SpecError([f"{_GUESTS}: {given!r}: it is one of {', '.join(ASKED)}"])
    return given


def _start(state_dir: Path, arguments: list[str], held: int) -> Endpoint:
    place = local_path(state_dir)
    log = place / "daemon.log"
    try:
        command = interpreter.command(_MODULE, str(state_dir), *arguments)
        with private.open_file(log, "ab") as errors, _spawn(command, state_dir, errors.fileno(), held) as starter:
            ready = _ready(cast(IO[bytes], starter.stdout))
    finally:
        os.close(held)
    record = endpoint.read(state_dir)
    if ready and record:
        return record.endpoint
    with suppress(ProcessLookupError):
        os.killpg(starter.pid, signal.SIGKILL)
    last_line = log.read_text(errors="replace").strip().rpartition("\n")[2]
    raise StartFailed(
        f"the local Azure did not start: {last_line or 'it printed nothing'} (see '{log}')",
        "fix the cause, then call again",
    )


def _spawn(command: list[str], state_dir: Path, errors: int, held: int) -> Child:
    """Start a daemon. Its environment names only its own state directory, not the host name of its starter."""
    environment = filtered_environment(os.environ, cloud="local", backend="") | {"VMOPS_STATE_DIR": str(state_dir)}
    return children.start(
        command,
        apart=Apart.SESSION,
        stdout=children.PIPE,
        stderr=errors,
        cwd=local_path(state_dir),
        env=interpreter.environment(environment),
        inherits=[held],
    )


def _ready(output: IO[bytes]) -> bool:
    """Wait for the daemon to report that it is ready; False if it dies first or does not report in time."""
    poller = select.poll()
    poller.register(output, select.POLLIN)
    return bool(poller.poll(_START_TIMEOUT * 1000)) and output.readline() == process.READY


def _lock(state_dir: Path) -> Path:
    """Give the lock file, which first the starter and then the daemon holds."""
    return local_path(state_dir) / "lock"


def _end_all(state_dir: Path) -> list[int]:
    """End the daemon and its provider, and give the daemon's pid; another holder of the lock is left alone."""
    record = endpoint.read(state_dir)
    known = [record.endpoint.pid] if record and record.alive else []
    if record:
        _end(record)
    others = [pid for pid in processes.running(_MODULE) if processes.has_open(pid, _lock(state_dir))]
    for pid in processes.running(_PROVIDER, str(state_dir)) + others:
        _terminate(pid, partial(_lives, pid, processes.start_ticks(pid)))
    return known + others


def _lives(pid: int, ticks: int | None) -> bool:
    return ticks is not None and processes.start_ticks(pid) == ticks


def _end(record: Record) -> None:
    """End the provider and the daemon; the provider first, because it would start the daemon again."""
    if record.provider_alive:
        _terminate(record.provider_pid, lambda: record.provider_alive)
    if record.alive:
        _terminate(record.endpoint.pid, lambda: record.alive)
    processes.reap(record.provider_pid)  # it was the daemon's child as long as that lived


def _terminate(pid: int, lives: Callable[[], bool]) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        if poll_until(lambda: _gone(lives), timeout=_TERM_TIMEOUT) is None:
            os.kill(pid, signal.SIGKILL)
            poll_until(lambda: _gone(lives), timeout=_TERM_TIMEOUT)
    processes.reap(pid)


def _gone(lives: Callable[[], bool]) -> bool | NotYet:
    return NotYet(_POLL_INTERVAL) if lives() else True


if __name__ == "__main__":
    _, _where, _pace, _guests, *_listeners = sys.argv
    process.main(Path(_where), process.Options(float(_pace), _TLS in _listeners, _PROXY in _listeners, _guests))
