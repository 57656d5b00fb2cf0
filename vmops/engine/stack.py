"""One stack of the engine: up, preview, destroy, and its state."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pulumi.automation import CommandResult
from pulumi.automation.errors import StackAlreadyExistsError, StackNotFoundError

from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.engine import breadth, exclusive, workspace
from vmops.engine.backend import files
from vmops.engine.backend.checkpoint import is_export_usable
from vmops.engine.backend.lock_holder import refuse_running_engine
from vmops.engine.backend.notes import EngineNotes
from vmops.engine.events import EventLog
from vmops.engine.process import EngineCommand
from vmops.spec.names import PROJECT

_NOT_REPAIRED = "the engine's files cannot be repaired: {}"
_RESTORE = "restore an earlier state by `pulumi stack import`, or deprovision the VM, which does not need the state"
_ROOM = "make room on that disk, or make it writable, then call again"


class EngineStack:
    """A stack in the backend, and what the engine can do with it.

    The caller holds the VM's lock, so one process at a time uses it. A failure of the engine is raised as
    `OperationFailed`, classified from its events; the engine's own text is the detail.
    """

    def __init__(self, work_dir: Path, backend: str, command: EngineCommand, log: EventLog, notes: EngineNotes) -> None:
        name = notes.stack
        files.make_work_directory(work_dir, notes.directory)
        self._backend = backend
        self._settings_file = work_dir / f"Pulumi.{name}.yaml"
        self._command = command
        self._log, self._notes = log, notes
        self._stack = workspace.select(name, work_dir, command)

    @property
    def name(self) -> str:
        """Give the stack's name."""
        return str(self._stack.name)

    @property
    def idle_seconds(self) -> float:
        """Give for how many seconds the engine has been silent without working on a resource; 0 if none runs."""
        return self._log.idle_seconds if self._command.running else 0.0

    @property
    def last_refusal(self) -> Failure | None:
        """Give ARM's last refusal to the engine or to us; None if there was none."""
        return self._log.last_refusal

    def repair(self, *, write: bool = True) -> files.Repair:
        """Repair the stack's files if they cannot be read; see `files.repair`.

        Raises: OperationFailed (engine) if the disk does not allow it.
        """
        try:
            if write:
                files.ensure_meta(self._backend, self._notes.directory)
            return files.repair(self._backend, PROJECT, self._settings_file, self._notes, write=write)
        except OSError as error:
            raise OperationFailed(Failure(FailureKind.ENGINE, _NOT_REPAIRED.format(error), step=_ROOM)) from None

    def ensure(self) -> bool:
        """Create the stack in the backend unless it exists; tell whether it existed."""
        return self._settings_file.exists() or not self.create()

    def create(self) -> bool:
        """Create the stack in the backend; tell whether it did not exist."""
        try:
            self._run(lambda: self._stack.workspace.create_stack(self._stack.name))
        except StackAlreadyExistsError:
            return False
        return True

    @property
    def causes(self) -> list[Failure]:
        """Give the causes of the last engine's failure, each with its resource."""
        return self._log.causes

    def up(self, program: Callable[[], Any], *, refresh: bool = False, machines: int = 1) -> None:
        """Update the cloud to match the program; a stack that the backend has lost is created again.

        Several ``machines`` are updated in parallel, and a refusal of one stops no other.
        """
        at_once, continues = breadth.at_once(machines), machines > 1 or None
        self._recreating(
            lambda: self._stack.up(
                program=program,
                on_event=self._log,
                refresh=refresh or None,
                parallel=at_once,
                continue_on_error=continues,
            )
        )

    def preview(self, program: Callable[[], Any], *, refresh: bool = False) -> list[dict[str, str]]:
        """Preview `up` without changing anything: one ``operation`` and ``resource`` for each change.

        With ``refresh`` the program is compared with what the provider reads. A stack that is created for this is
        removed again.
        """
        made = not self.ensure()
        try:
            made |= self._recreating(lambda: self._stack.preview(program=program, refresh=refresh, on_event=self._log))
        finally:
            if made:
                self.remove()
        return [step for step in self._log.steps if step["operation"] != "refresh"]

    def refresh(self) -> None:
        """Update the state from what the provider reads; nothing in the cloud changes."""
        self._run(lambda: self._stack.refresh(on_event=self._log))

    def goals(self, program: Callable[[], Any]) -> dict[str, dict[str, Any]]:
        """Give the inputs of every resource that the program declares, by URN; their secrets are encrypted.

        Source: Pulumi, update plans: the goal of a resource is given as the difference to its old inputs.
        """
        plan = self._settings_file.with_suffix(".plan")
        try:
            self._run(lambda: self._stack.preview(program=program, on_event=self._log, plan=str(plan)))
            plans = json.loads(plan.read_text())["resourcePlans"]
        finally:
            plan.unlink(missing_ok=True)
        olds = {entry["urn"]: entry.get("inputs") or {} for entry in (self.state() or {})["deployment"]["resources"]}
        return {
            urn: _changed(olds.get(urn, {}), each["goal"]["inputDiff"])
            for urn, each in plans.items()
            if each.get("goal")
        }

    def destroy(self, *, machines: int = 1) -> None:
        """Delete every resource of the stack, going on after a failure. A stack that does not exist has none."""
        at_once = breadth.at_once(machines)
        try:
            self._run(lambda: self._stack.destroy(on_event=self._log, continue_on_error=True, parallel=at_once))
        except StackNotFoundError:
            return

    def remove(self) -> None:
        """Remove the stack, its history and its directory. The caller has verified that its resources are gone.

        Its files are repaired first, because the engine that ran the destroy may have been killed. A stack that our
        engine cannot remove (of a newer engine) is moved aside.

        Raises: OperationFailed (locked) if another engine may work on it; (engine) if it cannot be removed.
        """
        try:
            self.repair()
            self._forget()
        except OperationFailed as error:
            if error.failure.kind is FailureKind.LOCKED or not self._retire():
                raise
        finally:
            shutil.rmtree(self._settings_file.parent, ignore_errors=True)

    def _forget(self) -> None:
        dead = self._notes.of_the_dead()
        files.ensure_tags_file(self._backend, PROJECT, self._stack.name)
        with suppress(StackNotFoundError):
            self._run(lambda: self._stack.workspace.remove_stack(self._stack.name, force=True))
            self._notes.forget(dead)

    def _retire(self) -> bool:
        with suppress(OSError):
            return files.retire(self._backend, PROJECT, self._notes)
        return False

    def lock_holders(self) -> list[str]:
        """Name the holders of the engine's lock of the stack that may be alive; see `files.lock_holders`."""
        return list(map(str, files.lock_holders(self._backend, PROJECT, self._notes)))

    def break_lock(self) -> None:
        """Delete the engine's locks of the stack, for a person who knows that their holders are dead.

        Raises: OperationFailed (locked) if an engine of ours is alive.
        """
        refuse_running_engine(self._notes)
        exclusive.attempt(self._log, self._unlock)
        self._notes.forget(self._notes.all())

    def tidy(self) -> None:
        """Remove the directory of a stack for which the engine has no settings here; the VM's lock must be held."""
        if not self._settings_file.exists():
            shutil.rmtree(self._settings_file.parent, ignore_errors=True)

    def state(self, *, secrets: bool = False) -> dict[str, Any] | None:
        """Export the stack's state, with ``secrets`` decrypted if asked; None if the backend does not know the stack.

        Raises: OperationFailed (engine) if it cannot be read, or is inconsistent.
        """
        read: list[str] = []
        export = ["stack", "export", *(["--show-secrets"] if secrets else [])]
        try:
            exclusive.attempt(self._log, lambda: read.append(self._engine(*export).stdout))
        except StackNotFoundError:
            return None
        if not is_export_usable(read[0]):
            raise OperationFailed(
                Failure(FailureKind.ENGINE, "the engine's state of this VM is inconsistent", step=_RESTORE)
            )
        state: dict[str, Any] = json.loads(read[0])
        return state

    def replace_state(self, state: dict[str, Any]) -> None:
        """Import a changed output of `state`; its secrets stay encrypted, on disk, too."""
        draft = self._settings_file.with_suffix(".state")
        try:
            draft.write_text(json.dumps(state))
            self._run(lambda: self._engine("stack", "import", "--file", str(draft)))
        finally:
            draft.unlink(missing_ok=True)

    def _run(self, command: Callable[[], Any]) -> None:
        exclusive.run_exclusively(self._log, command, self._unlock, self._notes)

    def _recreating(self, command: Callable[[], Any]) -> bool:
        """Run a command. If the backend has lost the stack, create it first, and tell whether it did."""
        try:
            self._run(command)
        except StackNotFoundError:
            self.create()
            self._run(command)
            return True
        return False

    def _unlock(self) -> None:
        try:
            self._engine("cancel", "--yes")
        except StackNotFoundError:
            files.delete_locks(self._backend, PROJECT, self._stack.name)

    def _engine(self, *arguments: str) -> CommandResult:
        environment = {"PULUMI_DEBUG_COMMANDS": "true"}
        return self._command.run([*arguments, "--stack", self._stack.name], self._stack.workspace.work_dir, environment)


def _changed(old: dict[str, Any], difference: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in old.items() if name not in difference.get("deletes", ())}
    return {**kept, **difference.get("adds", {}), **difference.get("updates", {})}
