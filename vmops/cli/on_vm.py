"""Runs a command in a VM: a directory is sent there first, and results are fetched afterwards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vmops.cli import console, foreground
from vmops.core.errors import OperationFailed
from vmops.leases.machine import Machine
from vmops.ssh import openssh
from vmops.ssh.hosts import Host

_DIRECTORY = "run"
"""The command's working directory in the VM, below the home directory."""

_SCRIPT = f'cd "$HOME/{_DIRECTORY}" && exec "$@"'
"""The shell script that runs the command."""


@dataclass(frozen=True)
class OnVm:
    """The directory that is ``sent`` before the command runs, and the files ``fetched`` later (``REMOTE[:LOCAL]``)."""

    sent: Path | None
    fetched: Sequence[str]

    def run(self, command: Sequence[str], vm: Machine, *, at_end: Callable[[], None]) -> int:
        """Run a command, and give its exit code; 125 if it is 0 but something could not be fetched.

        ``at_end`` is called at the first signal that asks to end; nothing is fetched then.

        Raises: OperationFailed if the VM is not reached, or the connection is lost; CloudError.
        """
        host = vm.ops.ssh_host(dict(vm.params))
        self._prepare(host)
        signals: list[str] = []

        def end() -> None:
            signals.append("end")
            at_end()

        with openssh.calling(host, ["sh", "-c", _SCRIPT, "sh", *command]) as call:
            code = call.ended(foreground.run(call.command, None, end))
        return code if signals or self._fetch(host) else code or openssh.UNREACHABLE

    def _prepare(self, host: Host) -> None:
        openssh.run(host, ["rm", "-rf", _DIRECTORY], b"", None)
        if self.sent is None:
            openssh.run(host, ["mkdir", _DIRECTORY], b"", None)
        else:
            console.note(f"sending {self.sent}")
            openssh.transfer(host, [openssh.here(self.sent)], f"{host.name}:{_DIRECTORY}")

    def _fetch(self, host: Host) -> bool:
        """Fetch all files, even if one fails; tell whether none failed."""
        failures = [error for each in self.fetched if (error := _fetched(host, each))]
        for error in failures:
            console.complain(str(error))
        return not failures


def _fetched(host: Host, what: str) -> OperationFailed | None:
    """Fetch one file or directory; give the failure, None if there is none."""
    remote, _, local = what.partition(":")
    console.note(f"fetching {remote}")
    path = remote if remote.startswith("/") else f"{_DIRECTORY}/{remote}"
    try:
        openssh.transfer(host, [f"{host.name}:{path}"], openssh.here(local or "."))
    except OperationFailed as error:
        return error
    return None
