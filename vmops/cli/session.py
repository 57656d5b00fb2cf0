"""One call from a shell: passed to vmops, waited for if asked, and shown."""

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

_WAYS_OUT = {
    "provision": ("end it", "cancel"),
    "start": ("undo it", "stop"),
    "stop": ("undo it", "start"),
    "deallocate": ("undo it", "start"),
}
"""What to do about an operation that goes on, by verb: none deletes a VM that may have existed before."""


Ending: TypeAlias = Callable[[], NoReturn]
"""The rest of a call whose work is started: waiting, if asked, and the answer; it raises `typer.Exit`."""


def open_session(name: str | None, file: Path | None, pairs: Sequence[str], *, as_json: bool) -> "Session":
    """Read the parameters of a call, and open vmops for it.

    Raises: SpecError if they cannot be read; StoreError if the state directory cannot hold records.
    """
    params = read_params(name, file, pairs)
    hear_library()
    return Session(with_subscription(VMOps(), params), params, as_json)


def hear_library() -> None:
    """Print vmops' log as sentences on stderr, and no other library's.

    Only a shell does so: a program configures its own logging.
    """
    logging.getLogger().addHandler(logging.NullHandler())
    LOGGER.addHandler(console.Sentences())


@dataclass(frozen=True)
class Session:
    """What one call works with: vmops, the parameters, and the form of the answer.

    Everything that answers ends with `typer.Exit`, which carries the exit code.
    """

    ops: VMOps
    params: Params
    as_json: bool

    def provision(self, *, wait: bool, replace: bool, **how: Any) -> Ending:
        """Provision the VM as ``how`` describes the request. If there is nothing to do, show the earlier result.

        Unless it may ``replace``, a loss needs consent, or is refused.
        """
        refused = None if replace else consent.before_losses(self.ops, self.params, **how)
        if refused:
            return partial(self._refuse, refused)
        return partial(self._deployed, Verb.PROVISION, self.ops.vm_provision(self.params, **how), wait=wait)

    def replace(self, *, wait: bool) -> Ending:
        """Make one member of a fleet anew."""
        return partial(self._deployed, Verb.PROVISION, self.ops.replace(self.params), wait=wait)

    def deprovision(self, *, wait: bool, sure: bool) -> Ending:
        """Deprovision the VM, if a person is ``sure``. If there is nothing to do, show the earlier result."""
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
            console.note("nothing was to be done; this was done before:")
        if begun[0] is Status.SUCCEEDED or (wait and begun[0] is Status.PENDING):
            self.wait(verb)
        self._end(verb, begun)

    def _switched(self, verb: str, begun: Answer, *, wait: bool) -> NoReturn:
        if wait and begun[0] is Status.PENDING:
            self._follow(verb, self.ops.wait_vm_operation)
        self._end(verb, begun)

    def shown(self, look: Callable[["Session"], None]) -> Ending:
        """Return a query as the rest of a call."""

        def ending() -> NoReturn:
            look(self)
            raise typer.Exit(0)

        return ending

    def wait(self, verb: str) -> NoReturn:
        """Wait for the operation of the handle; without one, for the VM to be provisioned or gone.

        For a removal a VM's name goes before a handle, which may be that of another operation.
        """
        if self.params.get(HANDLE) and not (verb == Verb.DEPROVISION and self.params.get("vmName")):
            self._follow(verb, self.ops.wait_vm_operation)
        self._follow(verb, lambda params: self.ops.wait_vm_deployment(verb == Verb.PROVISION, params))

    def cancel(self) -> NoReturn:
        """End the deployment that is in flight."""
        with console.doing("ending what is in flight"):
            answer = self.ops.cancel(self.params)
        self._end("cancel", answer)

    def confirm_break(self) -> None:
        """Name the holders of the engine's lock that would be deleted, and ask for consent; `typer.Abort` means no."""
        status, found = self.ops.recover(self.params, dry_run=True)
        if status is Status.FAILED:
            self._end("recover", (status, found))
        who = "; ".join(found["locks"]) or "nobody who can be seen from here"
        vm_name, danger = self.params["vmName"], "if that engine lives, two write one state"
        console.confirm(f"Delete the engine's lock of {vm_name}, held by {who} ({danger})?")

    def recover(self, *, dry_run: bool, break_lock: bool) -> NoReturn:
        """Clean up what dead processes left, or show what would be done."""
        status, found = self.ops.recover(self.params, dry_run=dry_run, break_lock=break_lock)
        if status is Status.FAILED:
            self._end("recover", (status, found))
        reports.recovered(found, dry_run=dry_run, breaks=break_lock, as_json=self.as_json)
        raise typer.Exit(0)

    def confirm_hand_over(self) -> None:
        """Say what it means that vmops does not own the VM any more, and ask; `typer.Abort` means no."""
        console.note("from then on no expiry, no sweep and no deprovision of vmops removes it: pulumi alone does")
        console.confirm(f"Hand {self.params['vmName']} over?")

    def export(self, directory: Path, *, hands_over: bool) -> NoReturn:
        """Write the VM's stack as a project for pulumi, and say how to go on."""
        write = self.ops.hand_over if hands_over else self.ops.export
        status, found = write(self.params, directory)
        if status is Status.FAILED or self.as_json:
            self._end("export", (status, found))
        console.fields({name: found[name] for name in ("directory", "stack", "files", "resources")})
        whose = "handed over: vmops has forgotten the VM" if hands_over else "a copy: vmops still owns the VM"
        console.note(f"{whose}; docs/pulumi.md says how to go on with pulumi")
        raise typer.Exit(0)

    def confirm_adoption(self) -> None:
        """Show what would be taken back, and ask for consent; `typer.Abort` means no."""
        status, found = self.ops.adopt(self.params, dry_run=True)
        if status is Status.FAILED:
            self._end("adopt", (status, found))
        reports.adopted(found, dry_run=True, as_json=False)
        if found["proven"] or found["unproven"]:
            console.confirm(f"Mark these as {self.params['vmName']}'s, to be removed with it?")

    def adopt(self, *, dry_run: bool) -> NoReturn:
        """Take back what is ours and lost its tags, or show what would be taken."""
        status, found = self.ops.adopt(self.params, dry_run=dry_run)
        if status is Status.FAILED:
            self._end("adopt", (status, found))
        reports.adopted(found, dry_run=dry_run, as_json=self.as_json)
        raise typer.Exit(0)

    def _follow(self, verb: str, look: Callable[[Params], Answer]) -> NoReturn:
        """Wait with progress. Ctrl-C ends only the wait."""
        timeout = WaitOptions.from_params(self.params, self.ops.settings.defaults()).poll_timeout
        try:
            answer = follow(lambda seconds: look({**self.params, "pollTimeout": seconds}), self.watch(verb), timeout)
        except KeyboardInterrupt:
            self._leave(verb)
        self._end(verb, answer, waited=True)

    def _leave(self, verb: str) -> NoReturn:
        ways = f"follow it with `{follow_up_command(verb, self.params)}`"
        if verb in _WAYS_OUT and self.params.get("vmName"):
            effect, other = _WAYS_OUT[verb]
            ways += f", {effect} with `{shell_command(other, self.params)}`"
        console.complain(f"interrupted, but the {self._title(verb)} goes on: {ways}")
        if self.as_json:
            reports.answer(Status.PENDING, self._handle(), None, as_json=True)
        raise typer.Exit(INTERRUPTED)

    def _end(self, verb: str, answer: Answer, *, waited: bool = False) -> NoReturn:
        status, result = answer
        if status is Status.TIMED_OUT:
            way = f"follow it with `{follow_up_command(verb, self.params)}`"
            console.complain(f"the {self._title(verb)} is not over within pollTimeout, but goes on: {way}")
        if status is Status.PENDING:
            result = self._handle()
            console.note(f"follow it with `{follow_up_command(verb, self.params)}`")
        failure = self._failure() if status is Status.FAILED else None
        reports.answer(status, result, failure, as_json=self.as_json)
        raise typer.Exit(0 if status is Status.SUCCEEDED or (status is Status.PENDING and not waited) else 1)

    def newest(self) -> Operation | None:
        """Find the deployment of the handle; without one, the VM's newest."""
        if handle := self.params.get(HANDLE):
            return next((each for each in self.ops.operations() if each.handle == handle), None)
        return self.ops.operation(self.params)

    def watch(self, verb: str) -> Watch | None:
        """Give what the progress of this shows; None if it is done."""
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
