"""Shell calls that log in to a VM: ssh, exec, cp, ssh-config."""

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from vmops.cli import console, foreground
from vmops.cli.errors import account
from vmops.cli.session import Session, open_session
from vmops.core.errors import SpecError, VmopsError
from vmops.ssh import openssh
from vmops.ssh.hosts import Host, Hosts

if TYPE_CHECKING:
    from vmops.core.children import Completed

_REMOTE = re.compile(r"([A-Za-z0-9][\w.-]*):(.*)", re.DOTALL)
"""A VM's name and a path in the VM. Source: scp(1); the rules for names of Linux VMs."""

_CONFIG = Path(".ssh", "config")
"""The user's own configuration of OpenSSH, below the home directory. Source: ssh_config(5)."""


def ssh(session: Session, command: Sequence[str]) -> NoReturn:
    """Log in to the VM, or run a command there as ssh does, and exit with the code of ssh."""
    host = _host(session)
    raise typer.Exit(foreground.run(openssh.interactive(host, command), None))


def run(session: Session, command: Sequence[str], timeout: float | None) -> NoReturn:
    """Run a command in the VM, and exit with its code, or with 125 if the VM cannot be reached."""
    begun = time.monotonic()
    try:
        host = _host(session)
        ended = openssh.run(host, command, None, timeout) if session.as_json else _streamed(host, command, timeout)
    except (VmopsError, OSError) as error:
        raise _unreachable(session, error, time.monotonic() - begun) from error
    if session.as_json:
        _print_result(ended.returncode, _text(ended.stdout), _text(ended.stderr), time.monotonic() - begun)
    raise typer.Exit(ended.returncode)


def copy(sources: Sequence[str], destination: str, pairs: Sequence[str], *, recursive: bool) -> NoReturn:
    """Copy files into a VM, or out of it, and exit with the code of scp, or with 125 if the VM cannot be reached.

    Raises: SpecError unless one side is entirely in one VM, and the other entirely on this host.
    """
    name = _vm_of(sources, destination)
    session = open_session(name, None, pairs, as_json=False)
    try:
        host = _host(session)
        words = [_word(each, host) for each in (*sources, destination)]
        code = foreground.run(openssh.copy(host, words[:-1], words[-1], recursive=recursive, asks=True), None)
    except (VmopsError, OSError) as error:
        raise _unreachable(session, error, 0.0) from error
    raise typer.Exit(openssh.UNREACHABLE if code == openssh.FAILED else code)


def config(sessions: Sequence[Session], *, install: bool, uninstall: bool) -> None:
    """Show OpenSSH's configuration for VMs; include it in the user's own configuration, or remove it."""
    session = sessions[0]
    user_config, files = Path.home() / _CONFIG, Hosts(session.ops.settings.state_dir)
    if uninstall:
        removed = files.uninstall(user_config)
        return console.note(f"{user_config} does not include it{' any more' if removed else ''}")
    found = [host for each in sessions for host in each.ops.ssh_hosts(each.params)]
    if install:
        added = files.install(user_config)
        console.note(f"{user_config} includes {files.config}{'' if added else ' already'}")
    if session.as_json:
        return console.print_json([each.as_dict() for each in found])
    if not found:
        console.note("there is no VM that could be logged in to")
    sys.stdout.write("\n".join(each.text for each in found))
    return None


def _host(session: Session) -> Host:
    """Find the address and login of a VM, and warn if a login may fail."""
    host = session.ops.ssh_host(session.params)
    if host.way.advice:
        console.warn(host.way.advice)
    return host


def _streamed(host: Host, command: Sequence[str], timeout: float | None) -> "Completed":
    """Run a command with the streams of this process."""
    with openssh.calling(host, command, timeout=timeout, asks=True) as call:
        return openssh.completed(command, call.ended(foreground.run(call.command, None)))


def _unreachable(session: Session, error: VmopsError | OSError, seconds: float) -> typer.Exit:
    """Print why a VM was not reached, and give the exit code; a wrong call is raised again."""
    if isinstance(error, SpecError):
        raise error
    sentences, _ = account(error)
    for sentence in sentences:
        console.complain(sentence)
    if session.as_json:
        _print_result(openssh.UNREACHABLE, "", "".join(f"{sentence}\n" for sentence in sentences), seconds)
    return typer.Exit(openssh.UNREACHABLE)


def _print_result(code: int, out: str, errors: str, seconds: float) -> None:
    console.print_json({"exitCode": code, "stdout": out, "stderr": errors, "seconds": round(seconds, 3)})


def _text(written: bytes) -> str:
    return written.decode(errors="replace")


def _vm_of(sources: Sequence[str], destination: str) -> str:
    """Give the VM into which, or out of which, files are copied."""
    there = [(found := _REMOTE.fullmatch(each)) and found[1] for each in (*sources, destination)]
    from_vm, into_vm = set(there[:-1]), there[-1]
    if (name := into_vm) and from_vm == {None}:
        return name
    if not into_vm and len(from_vm) == 1 and (name := from_vm.pop()):
        return name
    raise SpecError("SRC… DST: one side must be NAME:PATH, all of one VM, and the other side must be on this host")


def _word(given: str, host: Host) -> str:
    found = _REMOTE.fullmatch(given)
    return f"{host.name}:{found[2]}" if found else openssh.here(given)
