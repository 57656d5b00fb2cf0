"""One stack of the engine: up, preview, destroy, and its state. The one importer of the Automation API's nouns."""

import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from pulumi import automation
from pulumi.automation.errors import ConcurrentUpdateError, StackAlreadyExistsError, StackNotFoundError

from vmops.engine import checkpoint
from vmops.engine.command import EngineCommand
from vmops.engine.events import EventLog
from vmops.engine.holder import refuse_living_holder
from vmops.failures import Failed
from vmops.waiting import Later, wait

PROJECT = "vmops"

_PATIENCE = 60.0
"""Seconds for which the end of another's engine is waited for that works on the same stack."""

_LOOK = 3.0
"""Seconds between two attempts meanwhile; each starts an engine."""


class EngineStack:
    """A stack in the backend, and what the engine can do with it.

    One process at a time: the caller holds the VM's lock. Every failure of the engine is raised as `Failed`, classified
    from its events; the engine's own text is the detail.
    """

    def __init__(self, name: str, work_dir: Path, backend: str, command: EngineCommand, log: EventLog) -> None:
        work_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._backend = backend
        self._settings_file = work_dir / f"Pulumi.{name}.yaml"
        self._command = command
        self._log = log
        workspace = _Workspace(
            work_dir=str(work_dir),
            project_settings=automation.ProjectSettings(name=PROJECT, runtime="python"),
            pulumi_command=command,
        )
        self._stack = _Stack(name, workspace, automation._stack.StackInitMode.SELECT)

    @property
    def name(self) -> str:
        """Give the stack's name."""
        return str(self._stack.name)

    @property
    def silence(self) -> float:
        """Give for how many seconds the engine has said nothing although it works on no resource; 0 if none runs."""
        return self._log.silence if self._command.running else 0.0

    def mend(self, *, write: bool = True) -> checkpoint.Mended:
        """Mend the stack's files, if they cannot be read; see `checkpoint.mend`."""
        return checkpoint.mend(self._backend, PROJECT, self._stack.name, self._settings_file, write=write)

    def ensure(self) -> bool:
        """Make the stack in the backend unless it is there; tell whether it was."""
        return self._settings_file.exists() or not self.create()

    def create(self) -> bool:
        """Make the stack in the backend; tell whether it was not there."""
        try:
            self._attempt(lambda: self._stack.workspace.create_stack(self._stack.name))
        except StackAlreadyExistsError:
            return False
        return True

    def up(self, program: Callable[[], Any], *, refresh: bool = False) -> None:
        """Make the cloud match the program; a stack that the backend has lost is made again."""

        def update() -> None:
            self._run(lambda: self._stack.up(program=program, on_event=self._log, refresh=refresh or None))

        try:
            update()
        except StackNotFoundError:
            self.create()
            update()

    def preview(self, program: Callable[[], Any]) -> list[dict[str, str]]:
        """Say what `up` would do, an ``operation`` and a ``resource`` each, and change nothing.

        A stack that is made for this is removed again.
        """
        existed = self.ensure()
        try:
            self._run(lambda: self._stack.preview(program=program, on_event=self._log))
        finally:
            if not existed:
                self.remove()
        return self._log.steps

    def refresh(self) -> None:
        """Bring the state in line with what the provider reads; nothing in the cloud is changed."""
        self._run(lambda: self._stack.refresh(on_event=self._log))

    def goals(self, program: Callable[[], Any]) -> dict[str, dict[str, Any]]:
        """Give the inputs of every resource that the program declares, by URN, their secrets encrypted.

        Source: Pulumi, update plans: the goal of a resource is told as the difference to its old inputs.
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

    def destroy(self) -> None:
        """Delete every resource of the stack, going on after a failure; a stack that does not exist has none."""
        try:
            self._run(lambda: self._stack.destroy(on_event=self._log, continue_on_error=True))
        except StackNotFoundError:
            return

    def remove(self) -> None:
        """Forget the stack, its history and its directory; call it only when its cloud is verified empty.

        Its files are mended first: the engine that destroyed may have been killed.
        """
        self.mend()
        checkpoint.ease_removal(self._backend, PROJECT, self._stack.name)
        try:
            self._run(lambda: self._stack.workspace.remove_stack(self._stack.name, force=True))
        except StackNotFoundError:
            return
        finally:
            shutil.rmtree(self._settings_file.parent, ignore_errors=True)

    def tidy(self) -> None:
        """Leave no directory for a stack of which the engine has no settings here; the VM's lock must be held."""
        if not self._settings_file.exists():
            shutil.rmtree(self._settings_file.parent, ignore_errors=True)

    def state(self) -> dict[str, Any] | None:
        """Read the stack's state, its secrets encrypted; None if the backend does not know the stack."""
        read: list[str] = []
        try:
            self._attempt(lambda: read.append(self._engine("stack", "export").stdout))
        except StackNotFoundError:
            return None
        state: dict[str, Any] = json.loads(read[0])
        return state

    def replace_state(self, state: dict[str, Any]) -> None:
        """Write back a state that `state` gave; its secrets are still encrypted, on disk too."""
        draft = self._settings_file.with_suffix(".state")
        try:
            draft.write_text(json.dumps(state))
            self._run(lambda: self._engine("stack", "import", "--file", str(draft)))
        finally:
            draft.unlink(missing_ok=True)

    def _run(self, command: Callable[[], Any]) -> None:
        """Run one engine command; a dead engine's lock is broken, and the end of a living one is waited for."""
        refusals: list[Failed] = []

        def attempt() -> bool | Later:
            try:
                self._attempt(command)
            except ConcurrentUpdateError as error:
                return self._break_lock(str(error), refusals)
            return True

        if not wait(attempt, timeout=_PATIENCE):
            raise refusals[-1]

    def _break_lock(self, message: str, refusals: list[Failed]) -> Later:
        try:
            refuse_living_holder(message)
        except Failed as refusal:
            if not refusals:
                structlog.get_logger().warning("waiting", cause=refusal.failure.message)
            refusals.append(refusal)
            return Later(_LOOK)
        self._attempt(lambda: self._engine("cancel", "--yes"))
        return Later(0)

    def _attempt(self, command: Callable[[], Any]) -> None:
        self._log.forget()
        try:
            command()
        except (ConcurrentUpdateError, StackAlreadyExistsError, StackNotFoundError):
            raise
        except automation.CommandError as error:
            structlog.get_logger().error("engine_failed", said=str(error))
            raise Failed(self._log.cause(_last_words(str(error)))) from None

    def _engine(self, *arguments: str) -> automation.CommandResult:
        environment = {"PULUMI_DEBUG_COMMANDS": "true"}
        return self._command.run([*arguments, "--stack", self._stack.name], self._stack.workspace.work_dir, environment)


class _Workspace(automation.LocalWorkspace):
    """A workspace that selects nothing: every command names its stack."""

    def select_stack(self, stack_name: str) -> None:
        """Do nothing; selecting would cost an engine process and change what other processes see as current."""


class _Stack(automation.Stack):
    """A stack whose verbs start one engine process each: outputs come from the program, history from the record."""

    def outputs(self) -> automation.OutputMap:
        """Give none; the program hands its outputs over itself."""
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:  # noqa: ARG002
        """Give the summary that the caller's assertion asks for."""
        return automation.UpdateSummary(
            kind="update", start_time=datetime.now(UTC), message="", environment={}, config={}, result="succeeded"
        )


def _changed(old: dict[str, Any], difference: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in old.items() if name not in difference.get("deletes", ())}
    return {**kept, **difference.get("adds", {}), **difference.get("updates", {})}


def _last_words(text: str) -> str:
    """Give the engine's last error line, without its colours."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    return (errors or lines or ["the engine ended with an error and said nothing"])[-1].removeprefix("error: ")
