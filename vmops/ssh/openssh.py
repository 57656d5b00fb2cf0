"""Runs the commands of the system's OpenSSH, and interprets their exit codes."""

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vmops.core import children
from vmops.core.children import Apart, Completed
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.ssh.hosts import Host

TIMED_OUT, UNREACHABLE = 124, 125
"""Exit codes of a program that runs another: for a timeout, and for a failure of its own.

Source: GNU coreutils manual, ``timeout``.
"""

FAILED = 255
"""ssh's exit code for a failure of its own; a command may exit with it, too. Source: ssh(1), exit status."""

_TERM_SECONDS = 5
"""Seconds between SIGTERM and SIGKILL after a command's timeout."""

_WITH_TIMEOUT = """
exec 3<&0
setsid sh -c {command} <&3 3<&- &
job=$!
exec 3<&- 2>/dev/null
late=
trap late=1 USR1
setsid sh -c 'sleep {seconds}; kill -s USR1 '$$ </dev/null >/dev/null &
clock=$!
wait $job
code=$?
if [ "$late" ]; then
    kill -s TERM -- -$job
    left={grace}
    while [ $left -gt 0 ] && kill -0 -- -$job; do sleep 1; left=$((left - 1)); done
    kill -s KILL -- -$job
    code={timed_out}
fi
kill -s KILL -- -$clock
exit $code
"""
"""Runs a command in its own session, and after a number of seconds kills every process in that session.

GNU's ``timeout`` would leave the command's children running. Source: POSIX, Shell Command Language, ``wait``: a trapped
signal interrupts it.
"""

_AUTHENTICATED, _ENDED = "Authenticated to ", "rtype exit-status"
"""The lines of ssh's log for a successful login, and for the exit code of a command.

Source: OpenSSH, sshconnect2.c and clientloop.c (``client_input_channel_req``).
"""


def interactive(host: Host, command: Sequence[str] = ()) -> list[str]:
    """Give the ssh command for an interactive login, or for ``command``, which the login shell runs as ssh passes it.

    Raises: OperationFailed if there is no OpenSSH.
    """
    return [_program("ssh"), "-F", str(host.file), host.name, *(["--", *command] if command else [])]


def copy(host: Host, sources: Sequence[str], destination: str, *, recursive: bool, asks: bool) -> list[str]:
    """Give the scp command; a path in the VM begins with `Host.name` and a colon.

    Raises: OperationFailed if there is no OpenSSH.
    """
    options = [*(["-r"] if recursive else []), *_batch(asks)]
    return [_program("scp"), "-F", str(host.file), *options, "--", *sources, destination]


def completed(args: Sequence[str], code: int, out: bytes = b"", errors: bytes = b"") -> Completed:
    """Give the result of a command, with the part of its output that was kept."""
    return children.completed(list(args), code, out, errors)


def here(path: str | os.PathLike[str]) -> str:
    """Write a local path so that scp recognises it as local.

    Source: scp(1): a path with a colon before any slash is on another host.
    """
    name = os.fspath(path)
    return name if "/" in name.partition(":")[0] else f"./{name}"


@dataclass(frozen=True)
class Call:
    """One command in a VM, with ssh's log of it."""

    host: Host
    command: Sequence[str]
    log: Path

    def ended(self, code: int) -> int:
        """Give the exit code of the command from that of ssh: `TIMED_OUT` after the timeout.

        For a command that was killed by a signal it is 128 plus the signal's number.

        Raises: OperationFailed if the VM was not reached, or the connection was lost.
        """
        if code == FAILED and _ENDED not in (log := self.log.read_text(errors="replace")):
            raise OperationFailed(_lost(self.host, log))
        return code


@contextmanager
def calling(host: Host, args: Sequence[str], *, timeout: float | None = None, asks: bool = False) -> Iterator[Call]:
    """Give the ssh command that runs a command in a VM; each argument arrives unchanged.

    After ``timeout`` seconds the command's whole session in the VM is killed. With ``asks``, ssh may prompt at the
    terminal for the login.

    Raises: OperationFailed if there is no OpenSSH.
    """
    with tempfile.TemporaryDirectory(prefix="vmops-") as directory:
        log = Path(directory, "log")
        options = ["-T", "-E", str(log), "-o", "LogLevel=DEBUG1", *_batch(asks)]
        command = [_program("ssh"), "-F", str(host.file), *options, host.name, "--", _remote(args, timeout)]
        log.touch(mode=0o600)
        yield Call(host, command, log)


def run(host: Host, args: Sequence[str], given: bytes | None, timeout: float | None) -> Completed:
    """Run a command in a VM, with ``given`` as its stdin, or this process's if None. Its exit code is as for `Call`.

    Raises: OperationFailed.
    """
    with calling(host, args, timeout=timeout) as call:
        ended = _run(call.command, given)
        code = call.ended(ended.returncode)
    return completed(args, code, ended.stdout, ended.stderr)


def transfer(host: Host, sources: Sequence[str], destination: str) -> None:
    """Copy files and directories.

    Raises: OperationFailed, with scp's message.
    """
    ended = _run(copy(host, sources, destination, recursive=True, asks=False), b"")
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip() or f"scp ended with {ended.returncode}"
        kind = FailureKind.INTERRUPTED if ended.returncode == FAILED else FailureKind.NOT_FOUND
        raise OperationFailed(Failure(kind, said, step="correct the paths, or look at the VM, then call again"))


def _run(command: Sequence[str], given: bytes | None) -> Completed:
    """Run a local command to its end; if the wait is interrupted, kill the command."""
    pipe, stdin = children.PIPE, children.OURS if given is None else children.PIPE
    with children.start(command, apart=Apart.NOT, stdin=stdin, stdout=pipe, stderr=pipe) as child:
        try:
            out, errors = child.communicate(given)
        except BaseException:
            child.kill()
            raise
    return completed(command, child.returncode, out, errors)


def _remote(args: Sequence[str], timeout: float | None) -> str:
    """Wrap a command so that any login shell returns an exit code for it.

    SSH reports none for a command that is killed by a signal. Source: RFC 4254, section 6.10.
    """
    command = shlex.join(args)
    if timeout is None:
        return shlex.join(["sh", "-c", f"{command}\nexit $?"])
    bounds = {"seconds": f"{timeout:g}", "grace": _TERM_SECONDS, "timed_out": TIMED_OUT}
    return shlex.join(["sh", "-c", _WITH_TIMEOUT.format(command=shlex.quote(command), **bounds)])


def _batch(asks: bool) -> list[str]:
    return [] if asks else ["-o", "BatchMode=yes"]


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        message = f"there is no {name} on this host"
        raise OperationFailed(Failure(FailureKind.ENGINE, message, step="install OpenSSH's client, then call again"))
    return found


def _lost(host: Host, log: str) -> Failure:
    """Give the failure of a connection from ssh's log: it was not established, or lost after the login."""
    lines = [line for line in log.splitlines() if not line.startswith("debug")]
    said = lines[-1].strip() if lines else "ssh gives no reason"
    if _AUTHENTICATED in log:
        message = f"the connection was lost: {said}"
        return Failure(FailureKind.INTERRUPTED, message, step="check whether the command has ended, then call again")
    refused = "Permission denied" in said
    step = host.way.advice or ("give ssh the key that the VM was made with" if refused else "")
    return Failure(FailureKind.AUTH if refused else FailureKind.TIMEOUT, said, step=step)
