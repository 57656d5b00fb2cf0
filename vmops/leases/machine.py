"""A VM for use in a program: its names, its addresses and its verbs."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar

from vmops.core.errors import CloudError, OperationFailed, ProvisionError, SpecError
from vmops.core.failures import Failure, FailureKind
from vmops.core.settings import Settings
from vmops.ops.api import VMOps
from vmops.ops.results import classify
from vmops.protocol import Answer, Params, Status

if TYPE_CHECKING:
    from vmops.core.children import Completed
    from vmops.ssh.hosts import Host

T = TypeVar("T")


@dataclass(frozen=True, repr=False)
class Machine:
    """A VM that was provisioned and runs.

    ``outputs`` is the result of its deployment. A verb waits until it has finished, at most ``pollTimeout`` seconds,
    and raises ProvisionError if it failed. In a coroutine, call it through ``asyncio.to_thread``.
    """

    ops: VMOps
    params: Mapping[str, Any]
    outputs: Mapping[str, Any]

    def __repr__(self) -> str:
        """Show the name without the parameters, which may contain secrets."""
        return f"<Machine {self.name} at {self.host}>"

    @property
    def name(self) -> str:
        """The VM's name."""
        return str(self.outputs["name"])

    @property
    def id(self) -> str:
        """The VM's ARM id."""
        return str(self.outputs["id"])

    @property
    def public_ip(self) -> str | None:
        """The public address; None if it has none."""
        return self.outputs.get("publicIp")

    @property
    def private_ip(self) -> str:
        """The address in its network."""
        return str(self.outputs["privateIp"])

    @property
    def fqdn(self) -> str | None:
        """The name in the DNS; None without ``dnsLabelPrefix``."""
        return self.outputs.get("fqdn")

    @property
    def host(self) -> str:
        """The address at which it is reached: the public one if there is one."""
        return self.public_ip or self.private_ip

    @property
    def user(self) -> str:
        """The user name for logging in."""
        return str(self.outputs["adminUsername"])

    @property
    def ssh(self) -> str:
        """The command that logs in."""
        return str(self.outputs["ssh"])

    @property
    def ssh_host(self) -> str:
        """The host at which its SSH answers."""
        return str(self.outputs["sshHost"])

    @property
    def ssh_port(self) -> int:
        """The port of its SSH."""
        return int(self.outputs["sshPort"])

    def exec(self, args: Sequence[str], *, input: bytes = b"", timeout: float | None = None) -> "Completed":  # noqa: A002
        """Run a command in the VM as its administrator, and give the exit code and the output, as bytes.

        Each argument arrives unchanged. If a signal killed the command, the exit code is 128 plus the signal's number.
        After ``timeout`` seconds all processes of its session are killed, and the exit code is 124.

        Raises: ProvisionError if the VM cannot be reached, or the connection is lost; SpecError if there is no command.
        """
        from vmops.ssh import openssh

        if isinstance(args, str) or not args:
            raise SpecError("args: a list of words is required, the command first")
        return self._inside(lambda host: openssh.run(host, args, input, timeout))

    def put(self, source: str | PathLike[str], destination: str = "") -> None:
        """Copy a file, or a directory with its content, into the VM; a relative destination is below the user's home.

        Raises: ProvisionError.
        """
        from vmops.ssh import openssh

        self._inside(lambda host: openssh.transfer(host, [openssh.here(source)], f"{host.name}:{destination}"))

    def get(self, source: str, destination: str | PathLike[str]) -> None:
        """Copy a file, or a directory with its content, out of the VM. Raises: ProvisionError."""
        from vmops.ssh import openssh

        self._inside(lambda host: openssh.transfer(host, [f"{host.name}:{source}"], openssh.here(destination)))

    def start(self) -> None:
        """Start it, if it is stopped or deallocated."""
        self._power(self.ops.vm_start)

    def stop(self) -> None:
        """Shut it down gracefully; with ``stopMode: deallocate`` it is deallocated, too."""
        self._power(self.ops.vm_stop)

    def restart(self) -> None:
        """Restart it gracefully."""
        self._power(self.ops.vm_restart)

    def deallocate(self) -> None:
        """Deallocate it: its compute is not paid for any more, and its disks stay."""
        self._power(self.ops.deallocate)

    def refresh(self) -> str:
        """Read and give its power state: running, stopped, deallocated, or a transitional state.

        Source: Azure documentation, states and billing of VMs.

        Raises: ProvisionError (not_found) if it is gone; CloudError if ARM refuses.
        """
        seen = self.ops.status(dict(self.params))["machine"]
        if seen is None:
            raise ProvisionError(self.name, Failure(FailureKind.NOT_FOUND, "the VM is gone", resource=self.id))
        return str(seen["power"])

    def _inside(self, work: "Callable[[Host], T]") -> T:
        """Call ``work`` with the SSH access to the VM, once its SSH answers."""
        try:
            return work(self.ops.ssh_host(dict(self.params)))
        except (OperationFailed, CloudError) as error:
            raise ProvisionError(self.name, classify(error)) from error

    def _power(self, verb: Callable[[Params], Answer]) -> None:
        params, started = dict(self.params), time.time()
        status, _ = verb(params)
        if status is Status.PENDING:
            status, _ = self.ops.wait_vm_operation(params)
        if status is not Status.SUCCEEDED:
            raise ProvisionError(self.name, self._cause(status, params, started))

    def _cause(self, status: Status, params: Params, started: float) -> Failure:
        """Give why a verb failed; for a wait that timed out, a failure that was recorded since ``started``, if any."""
        failure = self.ops.last_failure(params)
        if failure and (status is Status.FAILED or failure.since >= started):
            return failure
        return Failure(FailureKind.TIMEOUT, "the operation did not finish within pollTimeout", resource=self.id)


def made(ops: VMOps, params: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[Machine]:
    """Give the VM that was made, or the members of a fleet that run."""
    if "members" not in outputs:
        return [Machine(ops, params, outputs)]
    user = outputs["adminUsername"]
    return [
        Machine(ops, {**params, "member": each["member"]}, {**each, "adminUsername": user})
        for each in outputs["members"]
    ]


def get(name: str, *, settings: Settings | None = None, **params: Any) -> Machine:
    """Give a provisioned VM by its name and, if needed, other parameters that identify it. This does not hold it.

    A member of a fleet is named ``exp1-3``, or given by the parameter ``member``.

    Raises: SpecError for wrong parameters, or if the name is that of a fleet; ProvisionError if the VM does not exist,
    or is not provisioned yet.
    """
    ops, which = VMOps(settings), {**params, "vmName": name}
    status, outputs = ops.wait_vm_deployment(True, {**which, "pollTimeout": 0})
    if status is Status.SUCCEEDED:
        return _one(made(ops, which, outputs), name, params.get("member"))
    unknown = Failure(FailureKind.CONFLICT, "it is not provisioned yet", step="wait for it")
    raise ProvisionError(name, (ops.last_failure(which) if status is Status.FAILED else None) or unknown)


def _one(found: list[Machine], name: str, member: object) -> Machine:
    """Give the VM with a name, or with a number in a fleet. Raises: SpecError if it is not exactly one."""
    if found and "member" not in found[0].outputs:
        return found[0]
    meant = [each for each in found if each.name == name or str(each.outputs["member"]) == str(member)]
    if not meant:
        raise SpecError(f"vmName: {name} is a fleet: name one of its VMs, {name}-0 and on")
    return meant[0]
