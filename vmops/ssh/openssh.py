"""The commands of the system's own OpenSSH, and the meaning of their exit codes."""

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
"""Exit codes of a program that runs another: a timeout; a failure of its own.

Source: GNU coreutils manual, ``timeout``.
"""

FAILED = 255
"""ssh's exit code for a failure of its own; a command may exit with it too. Source: ssh(1), exit status."""

_GRACE = 5
"""Seconds that a command has to end gracefully after its timeout."""

_BOUNDED = """
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
"""Runs a command in its own session; after a number of seconds, ends every process in that session.

GNU's ``timeout`` leaves the children of the command running, and stops at its first signal. Source: POSIX, Shell
Command Language, ``wait``: it ends at a signal that is trapped.
"""

_AUTHENTICATED, _ENDED = "Authenticated to ", "rtype exit-status"
"""The lines of ssh's log for a successful login, and for the exit code of a command.

Source: OpenSSH, sshconnect2.c and clientloop.c (``client_input_channel_req``).
"""


def interactive(host: Host, command: Sequence[str] = ()) -> list[str]:
    """Give the ssh command that logs in, or that lets the login shell run the words of ``command``, as ssh does.

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
    """Give the end of a command, with the part of its output that was kept."""
    return children.completed(list(args), code, out, errors)


def here(path: str | os.PathLike[str]) -> str:
    """Write a local path so that scp recognises it as one.

    Source: scp(1): what has a colon before any slash is on another host.
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

        A signal that ended the command is 128 plus its number.

        Raises: OperationFailed if the VM was not reached, or the connection was lost.
        """
        if code == FAILED and _ENDED not in (log := self.log.read_text(errors="replace")):
            raise OperationFailed(_lost(self.host, log))
        return code


@contextmanager
def calling(host: Host, args: Sequence[str], *, timeout: float | None = None, asks: bool = False) -> Iterator[Call]:
    """Give the ssh command that runs a command in a VM; each of its words arrives unchanged.

    After ``timeout`` seconds the command is ended there, with its whole session. With ``asks``, ssh may ask at the
    terminal for what it needs to log in.

    Raises: OperationFailed if there is no OpenSSH.
    """
    with tempfile.TemporaryDirectory(prefix="vmops-") as directory:
        log = Path(directory, "log")
        options = ["-T", "-E", str(log), "-o", "LogLevel=DEBUG1", *_batch(asks)]
        command = [_program("ssh"), "-F", str(host.file), *options, host.name, "--", _remote(args, timeout)]
        log.touch(mode=0o600)
        yield Call(host, command, log)


def run(host: Host, args: Sequence[str], given: bytes | None, timeout: float | None) -> Completed:
    """Run a command in a VM. Its stdin is ``given``, or this process's. Give its end as `Call` does.

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
    """Run a call of ours to its end; if the wait is interrupted, the call is ended too."""
    pipe, stdin = children.PIPE, children.OURS if given is None else children.PIPE
    with children.start(command, apart=Apart.NOT, stdin=stdin, stdout=pipe, stderr=pipe) as child:
        try:
            out, errors = child.communicate(given)
        except BaseException:
            child.kill()
            raise
    return completed(command, child.returncode, out, errors)


def _remote(args: Sequence[str], timeout: float | None) -> str:
    """Write a command so that any login shell gives an exit code for it.

    A command that a signal ends would have none. Source: RFC 4254, section 6.10.
    """
    command = shlex.join(args)
    if timeout is None:
        return shlex.join(["sh", "-c", f"{command}\nexit $?"])
    bounds = {"seconds": f"{timeout:g}", "grace": _GRACE, "timed_out": TIMED_OUT}
    return shlex.join(["sh", "-c", _BOUNDED.format(command=shlex.quote(command), **bounds)])


def _batch(asks: bool) -> list[str]:
    return [] if asks else ["-o", "BatchMode=yes"]


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        message = f"there is no {name} on this host"
        raise OperationFailed(Failure(FailureKind.ENGINE, message, step="install OpenSSH's client, then call again"))
    return found


def _lost(host: Host, log: str) -> Failure:
    """Say why a command was not reached, from ssh's log; after a login, whether it has run."""
    lines = [line for line in log.splitlines() if not line.startswith("debug")]
    said = lines[-1].strip() if lines else "ssh says nothing of why"
    if _AUTHENTICATED in log:
        message = f"the connection was lost: {said}"
        return Failure(FailureKind.INTERRUPTED, message, step="look whether the command has ended, then call again")
    refused = "Permission denied" in said
    step = host.way.advice or ("give ssh the key that the VM was made with" if refused else "")
    return Failure(FailureKind.AUTH if refused else FailureKind.TIMEOUT, said, step=step)
