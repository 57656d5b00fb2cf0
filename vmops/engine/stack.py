"""One stack of the engine: up, preview, destroy, and its state. The one importer of the Automation API's nouns."""

import json
import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from pulumi import automation
from pulumi.automation.errors import ConcurrentUpdateError, StackAlreadyExistsError, StackNotFoundError

from vmops.engine.command import EngineCommand
from vmops.engine.events import EventLog
from vmops.failures import Failed, Failure, Kind

PROJECT = "vmops"
_HOLDER = re.compile(
    r"created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*)"
)
"""How the engine names the holder of a stack's lock. Source: seen with engine 3.258."""


class EngineStack:
    """A stack in the backend, and what the engine can do with it.

    One process at a time: the caller holds the VM's lock. Every failure of the engine is raised as `Failed`, classified
    from its events; the engine's own text is the detail.
    """

    def __init__(self, name: str, work_dir: Path, command: EngineCommand, log: EventLog) -> None:
        work_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._settings_file = work_dir / f"Pulumi.{name}.yaml"
        self._command = command
        self._log = log
        workspace = _Workspace(
            work_dir=str(work_dir),
            project_settings=automation.ProjectSettings(name=PROJECT, runtime="python"),
            pulumi_command=command,
        )
        self._stack = _Stack(name, workspace, automation._stack.StackInitMode.SELECT)

    def ensure(self) -> bool:
        """Make the stack in the backend unless it is there; tell whether it was."""
        if self._settings_file.exists():
            return True
        try:
            self._stack.workspace.create_stack(self._stack.name)
        except StackAlreadyExistsError:
            return True
        return False

    def up(self, program: Callable[[], Any], *, refresh: bool = False) -> None:
        """Make the cloud match the program. The stack must exist (see `ensure`)."""
        self._run(lambda: self._stack.up(program=program, on_event=self._log, refresh=refresh or None))

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

    def destroy(self) -> None:
        """Delete every resource of the stack, going on after a failure; a stack that does not exist has none."""
        try:
            self._run(lambda: self._stack.destroy(on_event=self._log, continue_on_error=True))
        except StackNotFoundError:
            return

    def remove(self) -> None:
        """Forget the stack, its history and its settings; call it only when its cloud is verified empty."""
        try:
            self._run(lambda: self._stack.workspace.remove_stack(self._stack.name, force=True))
        except StackNotFoundError:
            return
        finally:
            self._settings_file.unlink(missing_ok=True)

    def state(self) -> dict[str, Any] | None:
        """Read the stack's state, its secrets encrypted; None if the backend does not know the stack."""
        try:
            result = self._engine("stack", "export")
        except StackNotFoundError:
            return None
        state: dict[str, Any] = json.loads(result.stdout)
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
        """Run one engine command; a lock left by a dead engine of this host is broken, once."""
        try:
            self._attempt(command)
        except ConcurrentUpdateError as error:
            refuse_living_holder(str(error))
            self._engine("cancel", "--yes")
            self._attempt(command)

    def _attempt(self, command: Callable[[], Any]) -> None:
        self._log.forget()
        try:
            command()
        except (ConcurrentUpdateError, StackNotFoundError):
            raise
        except automation.CommandError as error:
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


def refuse_living_holder(message: str) -> None:
    """Let only the lock of a provably dead engine pass: one of this host, whose process is no more.

    Raises: Failed (locked), saying who holds the stack since when.
    """
    holders = list(_HOLDER.finditer(message))
    living = [holder for holder in holders if holder["host"] != socket.gethostname() or _lives(holder)]
    if holders and not living:
        return
    who = "; ".join(
        f"{holder['user']} on {holder['host']} (pid {holder['pid']}) since {holder['since']}" for holder in living
    )
    raise Failed(Failure(Kind.LOCKED, f"the stack is locked by {who or 'another engine'}"))


def _lives(holder: re.Match[str]) -> bool:
    """Tell whether a process of this host that took a lock lives: no zombie, and no younger one of the same number."""
    try:
        process = psutil.Process(int(holder["pid"]))
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.create_time() < datetime.fromisoformat(holder["since"]).timestamp() + 1
    except psutil.NoSuchProcess:
        return False


def _last_words(text: str) -> str:
    """Give the engine's last error line, without its colours."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    return (errors or lines or ["the engine ended with an error and said nothing"])[-1].removeprefix("error: ")
