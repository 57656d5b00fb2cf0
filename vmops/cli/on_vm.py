"""A command that runs in a VM, in a directory that is sent there, and whose results are fetched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vmops.cli import console, foreground
from vmops.core.errors import OperationFailed
from vmops.leases.machine import Machine
from vmops.ssh import openssh
from vmops.ssh.hosts import Host

_PLACE = "run"
"""The directory in which it runs, below the home directory there."""

_THERE = f'cd "$HOME/{_PLACE}" && exec "$@"'


@dataclass(frozen=True)
class OnVm:
    """What is sent into the VM before a command runs, and what is ``fetched`` afterwards, as ``REMOTE[:LOCAL]``."""

    sent: Path | None
    fetched: Sequence[str]

    def run(self, command: Sequence[str], vm: Machine, *, at_end: Callable[[], None]) -> int:
        """Run a command, and give its exit code, or that of a failure of ours if only fetching failed.

        ``at_end`` is called at the first signal that asks to end; nothing is fetched then.

        Raises: OperationFailed if the VM is not reached, or the connection is lost; CloudError.
        """
        host = vm.ops.ssh_host(dict(vm.params))
        self._prepare(host)
        signals: list[str] = []

        def end() -> None:
            signals.append("to end")
            at_end()

        with openssh.calling(host, ["sh", "-c", _THERE, "sh", *command]) as call:
            code = call.ended(foreground.run(call.command, None, end))
        return code if signals or self._fetch(host) else code or openssh.UNREACHABLE

    def _prepare(self, host: Host) -> None:
        openssh.run(host, ["rm", "-rf", _PLACE], b"", None)
        if self.sent is None:
            openssh.run(host, ["mkdir", _PLACE], b"", None)
        else:
            console.note(f"sending {self.sent}")
            openssh.transfer(host, [openssh.here(self.sent)], f"{host.name}:{_PLACE}")

    def _fetch(self, host: Host) -> bool:
        """Fetch everything that can be fetched; tell whether that is all."""
        failures = [error for each in self.fetched if (error := _fetched(host, each))]
        for error in failures:
            console.complain(str(error))
        return not failures


def _fetched(host: Host, what: str) -> OperationFailed | None:
    """Fetch one thing; give why it failed."""
    remote, _, local = what.partition(":")
    console.note(f"fetching {remote}")
    path = remote if remote.startswith("/") else f"{_PLACE}/{remote}"
    try:
        openssh.transfer(host, [f"{host.name}:{path}"], openssh.here(local or "."))
    except OperationFailed as error:
        return error
    return None
