"""One call from a shell: it calls vmops, waits if requested, and shows the answer."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import typer

from vmops.cli import consent, console, reports
from vmops.cli.progress import Watch, follow
from vmops.cli.subscription import with_subscription
from vmops.core.failures import Failure
from vmops.core.log import LOGGER
from vmops.jobs.operation import Operation, Verb
from vmops.ops.api import VMOps
from vmops.ops.suggest import follow_up_command, shell_command
from vmops.protocol import HANDLE, Answer, Params, Status
from vmops.spec.parameters import read_params
from vmops.spec.target import WaitOptions

INTERRUPTED = 130
"""The exit code of a command that SIGINT ended. Source: bash manual, exit status, 128 and the signal's number."""

_UNDO = {
    "provision": ("end it", "cancel"),
    "start": ("undo it", "stop"),
    "stop": ("undo it", "start"),
    "deallocate": ("undo it", "start"),
}
"""The command that ends or undoes an operation in flight, by verb. None of them deletes a VM."""


Ending: TypeAlias = Callable[[], NoReturn]
"""The second part of a call, after its work has started: it waits if requested, answers, and raises `typer.Exit`."""


def open_session(name: str | None, file: Path | None, pairs: Sequence[str], *, as_json: bool) -> "Session":
    """Read the parameters of a call, and open vmops for it.

    Raises: SpecError if they cannot be read; StoreError if the state directory cannot hold records.
    """
    params = read_params(name, file, pairs)
    route_library_logs()
    return Session(with_subscription(VMOps(), params), params, as_json)


def route_library_logs() -> None:
    """Print vmops' log as sentences on stderr, and no other library's log.

    Only the command line does so: a program configures its own logging.
    """
    logging.getLogger().addHandler(logging.NullHandler())
    LOGGER.addHandler(console.Sentences())


@dataclass(frozen=True)
class Session:
    """One call: vmops, the parameters, and the form of the answer.

    A method that answers raises `typer.Exit` with the exit code.
    """

    ops: VMOps
    params: Params
    as_json: bool

    def provision(self, *, wait: bool, replace: bool, **how: Any) -> Ending:
        """Provision the VM; ``how`` describes the request. If there is nothing to do, the earlier result is shown.

        Without ``replace``, losing disks needs consent at a terminal, and is refused elsewhere.
        """
        refused = None if replace else consent.before_losses(self.ops, self.params, **how)
        if refused:
            return partial(self._refuse, refused)
        return partial(self._deployed, Verb.PROVISION, self.ops.vm_provision(self.params, **how), wait=wait)

    def replace(self, *, wait: bool) -> Ending:
        """Replace one member of a fleet."""
        return partial(self._deployed, Verb.PROVISION, self.ops.replace(self.params), wait=wait)

    def deprovision(self, *, wait: bool, sure: bool) -> Ending:
        """Deprovision the VM; unless ``sure``, ask first. If there is nothing to do, the earlier result is shown."""
        if not sure:
            consent.before_removal(self.ops, self.params)
        return partial(self._deployed, Verb.DEPROVISION, self.ops.vm_deprovision(self.params), wait=wait)

    def power(self, verb: str, *, wait: bool) -> Ending:
        """Start, stop, restart or deallocate the VM."""
        verbs = {
            "start": self.ops.vm_start,
            "stop": self.ops.vm_stop,
            "restart": self.ops.vm_restart,
            "deallocate": self.ops.deallocate,
        }
        return partial(self._switched, verb, verbs[verb](self.params), wait=wait)

    def _refuse(self, failure: Failure) -> NoReturn:
        console.complain(str(failure))
        reports.answer(Status.FAILED, {}, failure, as_json=self.as_json)
        raise typer.Exit(1)

    def _deployed(self, verb: Verb, begun: Answer, *, wait: bool) -> NoReturn:
        if begun[0] is Status.SUCCEEDED:
            console.note("nothing to do; this is the earlier result:")
        if begun[0] is Status.SUCCEEDED or (wait and begun[0] is Status.PENDING):
            self.wait(verb)
        self._end(verb, begun)

    def _switched(self, verb: str, begun: Answer, *, wait: bool) -> NoReturn:
        if wait and begun[0] is Status.PENDING:
            self._follow(verb, self.ops.wait_vm_operation)
        self._end(verb, begun)

    def shown(self, query: Callable[["Session"], None]) -> Ending:
        """Give the second part of a call that only queries."""

        def ending() -> NoReturn:
            query(self)
            raise typer.Exit(0)

        return ending

    def wait(self, verb: str) -> NoReturn:
        """Wait for the operation of the handle; without a handle, for the VM to be provisioned or gone.

        A wait for a removal uses the VM's name if there is one: the handle may be that of another operation.
        """
        if self.params.get(HANDLE) and not (verb == Verb.DEPROVISION and self.params.get("vmName")):
            self._follow(verb, self.ops.wait_vm_operation)
        self._follow(verb, lambda params: self.ops.wait_vm_deployment(verb == Verb.PROVISION, params))

    def cancel(self) -> NoReturn:
        """End the deployment in flight."""
        with console.doing("ending the operation in flight"):
            answer = self.ops.cancel(self.params)
        self._end("cancel", answer)

    def confirm_break(self) -> None:
        """Show who holds the engine's lock, and ask for consent to delete it; a no raises `typer.Abort`."""
        status, found = self.ops.recover(self.params, dry_run=True)
        if status is Status.FAILED:
            self._end("recover", (status, found))
        who = "; ".join(found["locks"]) or "no process that this host can see"
        vm_name, danger = self.params["vmName"], "if that engine is alive, two engines write one state"
        console.confirm(f"Delete the engine's lock of {vm_name}, held by {who} ({danger})?")

    def recover(self, *, dry_run: bool, break_lock: bool) -> NoReturn:
        """Repair what dead processes left, or show what would be done."""
        status, found = self.ops.recover(self.params, dry_run=dry_run, break_lock=break_lock)
        if status is Status.FAILED:
            self._end("recover", (status, found))
        reports.recovered(found, dry_run=dry_run, breaks=break_lock, as_json=self.as_json)
        raise typer.Exit(0)

    def confirm_hand_over(self) -> None:
        """Explain what a hand-over means, and ask for consent; a no raises `typer.Abort`."""
        console.note("afterwards only pulumi removes it: no ttl, no sweep and no deprovision of vmops does")
        console.confirm(f"Hand {self.params['vmName']} over?")

    def export(self, directory: Path, *, hands_over: bool) -> NoReturn:
        """Write the VM's stack as a project for pulumi, and name the documentation."""
        write = self.ops.hand_over if hands_over else self.ops.export
        status, found = write(self.params, directory)
        if status is Status.FAILED or self.as_json:
            self._end("export", (status, found))
        console.fields({name: found[name] for name in ("directory", "stack", "files", "resources")})
        whose = "handed over: vmops has forgotten the VM" if hands_over else "a copy: vmops still owns the VM"
        console.note(f"{whose}; docs/pulumi.md describes the use with pulumi")
        raise typer.Exit(0)

    def confirm_adoption(self) -> None:
        """Show what would be adopted, and ask for consent; a no raises `typer.Abort`."""
        status, found = self.ops.adopt(self.params, dry_run=True)
        if status is Status.FAILED:
            self._end("adopt", (status, found))
        reports.adopted(found, dry_run=True, as_json=False)
        if found["proven"] or found["unproven"]:
            console.confirm(f"Adopt these as {self.params['vmName']}'s, to be removed with it?")

    def adopt(self, *, dry_run: bool) -> NoReturn:
        """Adopt resources of ours that have lost their tags, or show what would be adopted."""
        status, found = self.ops.adopt(self.params, dry_run=dry_run)
        if status is Status.FAILED:
            self._end("adopt", (status, found))
        reports.adopted(found, dry_run=dry_run, as_json=self.as_json)
        raise typer.Exit(0)

    def _follow(self, verb: str, wait: Callable[[Params], Answer]) -> NoReturn:
        """Wait with progress. Ctrl-C ends only the wait."""
        timeout = WaitOptions.from_params(self.params, self.ops.settings.defaults()).poll_timeout
        try:
            answer = follow(lambda seconds: wait({**self.params, "pollTimeout": seconds}), self.watch(verb), timeout)
        except KeyboardInterrupt:
            self._leave(verb)
        self._end(verb, answer, waited=True)

    def _leave(self, verb: str) -> NoReturn:
        ways = f"follow it with `{follow_up_command(verb, self.params)}`"
        if verb in _UNDO and self.params.get("vmName"):
            effect, other = _UNDO[verb]
            ways += f", {effect} with `{shell_command(other, self.params)}`"
        console.complain(f"interrupted, but the {self._title(verb)} goes on: {ways}")
        if self.as_json:
            reports.answer(Status.PENDING, self._handle(), None, as_json=True)
        raise typer.Exit(INTERRUPTED)

    def _end(self, verb: str, answer: Answer, *, waited: bool = False) -> NoReturn:
        status, result = answer
        if status is Status.TIMED_OUT:
            way = f"follow it with `{follow_up_command(verb, self.params)}`"
            console.complain(f"the {self._title(verb)} is not done within pollTimeout, but goes on: {way}")
        if status is Status.PENDING:
            result = self._handle()
            console.note(f"follow it with `{follow_up_command(verb, self.params)}`")
        failure = self._failure() if status is Status.FAILED else None
        reports.answer(status, result, failure, as_json=self.as_json)
        raise typer.Exit(0 if status is Status.SUCCEEDED or (status is Status.PENDING and not waited) else 1)

    def newest(self) -> Operation | None:
        """Find the deployment of the handle; without a handle, the VM's newest."""
        if handle := self.params.get(HANDLE):
            return next((each for each in self.ops.operations() if each.handle == handle), None)
        return self.ops.operation(self.params)

    def watch(self, verb: str) -> Watch | None:
        """Give the progress to show for a verb; None if its deployment is done."""
        operation = self.newest()
        if operation is None:
            return Watch(self._title(verb), time.time())
        if operation.over:
            return None
        return Watch(f"{operation.verb} of {operation.vm_name}", operation.created, self.ops.log(operation))

    def _failure(self) -> Failure | None:
        if self.params.get("vmName"):
            return self.ops.last_failure(self.params)
        operation = self.newest()
        return operation.failure if operation else None

    def _handle(self) -> dict[str, str]:
        return {HANDLE: self.params[HANDLE]} if self.params.get(HANDLE) else {}

    def _title(self, verb: str) -> str:
        return f"{verb} of {self.params['vmName']}" if self.params.get("vmName") else "operation"
