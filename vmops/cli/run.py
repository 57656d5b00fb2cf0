"""Runs a command that has a VM while it runs."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from vmops.cli import foreground
from vmops.cli.console import note, warn
from vmops.cli.on_vm import OnVm
from vmops.core.holder import Kind
from vmops.leases.context import hold_all
from vmops.leases.machine import Machine


def run(
    params: Mapping[str, Any],
    command: Sequence[str],
    *,
    on_vm: OnVm | None = None,
    keep_on_error: bool = False,
    take_over: bool = False,
) -> int:
    """Run a command with a VM, and give its exit code: 128 plus the signal if a signal ended it.

    The command has the VM's address in VMOPS_HOST, the login command in VMOPS_SSH, the address of SSH in VMOPS_SSH_HOST
    and VMOPS_SSH_PORT, and in VMOPS_OUTPUTS the path of a JSON file with the result of the provision. With ``on_vm`` it
    runs in the VM. It gets the signals of this process. The VM is always removed: the removal starts at the first
    signal that asks to end, even if the command goes on. With ``keep_on_error`` the VM stays for its time to live if
    the command does not exit with 0. With ``take_over`` a VM of that name is taken from any holder.

    Raises: as `machine`; OSError if the command cannot be run; OperationFailed if the VM is not reached.
    """
    if os.environ.get("CI", "").lower() in {"true", "1"} and not params.get("ttl"):
        warn(
            f"{params['vmName']} has no ttl: if the runner dies, it keeps costing; with `-p ttl=2h` a sweep removes it"
        )
    note(f"provisioning {params['vmName']}")
    try:
        held = hold_all(Kind.RUN, [params], keep_on_error=keep_on_error, take_over=take_over)
        with held as vms:
            for vm in vms:
                note(f"{vm.name} runs at {vm.host}")
            at_end = _nothing if keep_on_error else held.release
            code = on_vm.run(command, vms[0], at_end=at_end) if on_vm else _run(command, vms, at_end=at_end)
            if keep_on_error:
                _keep_if_failed(code)
            note(f"removing {params['vmName']}")
    except _CommandFailed as failed:
        return failed.code
    return code


class _CommandFailed(Exception):
    """The command did not exit with 0: the VM is kept, as after any exception in a block with ``keep_on_error``."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _keep_if_failed(code: int) -> None:
    if code:
        raise _CommandFailed(code)


def _nothing() -> None:
    """Do nothing at a signal: whether the VM is removed depends on the command's exit code."""


def _run(command: Sequence[str], vms: Sequence[Machine], *, at_end: Callable[[], None]) -> int:
    with _environment(vms) as environment:
        return foreground.run(command, environment, at_end=at_end)


@contextmanager
def _environment(vms: Sequence[Machine]) -> Iterator[dict[str, str]]:
    """Give the environment of the command: the variables describe the first VM of a fleet, the file all that run."""
    vm, *others = vms
    found = {"members": [dict(each.outputs) for each in vms]} if others or "member" in vm.outputs else dict(vm.outputs)
    with tempfile.NamedTemporaryFile("w", prefix="vmops-", suffix=".json") as outputs:
        json.dump(found, outputs, indent=2)
        outputs.flush()
        where = {"VMOPS_SSH_HOST": vm.ssh_host, "VMOPS_SSH_PORT": str(vm.ssh_port)}
        yield {**os.environ, "VMOPS_HOST": vm.host, "VMOPS_SSH": vm.ssh, **where, "VMOPS_OUTPUTS": outputs.name}
