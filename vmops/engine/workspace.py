"""The Automation API's stack, made to start one engine process for each verb."""

from datetime import UTC, datetime
from pathlib import Path

from pulumi import automation

from vmops.engine.process import EngineCommand
from vmops.spec.names import PROJECT


class Workspace(automation.LocalWorkspace):
    """A workspace without a selected stack: every command names its stack."""

    def select_stack(self, stack_name: str) -> None:
        """Do nothing: selecting would start an engine process, and change the current stack of other processes."""


class FastStack(automation.Stack):
    """A stack whose verbs start one engine process each: outputs come from the program, history from the record."""

    def outputs(self) -> automation.OutputMap:
        """Give none: the program passes its outputs on by itself."""
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:  # noqa: ARG002
        """Give the summary that the caller's assertion asks for."""
        return automation.UpdateSummary(
            kind="update", start_time=datetime.now(UTC), message="", environment={}, config={}, result="succeeded"
        )


def select(name: str, work_dir: Path, command: EngineCommand) -> automation.Stack:
    """Give a stack whose settings are in ``work_dir``; no engine is started for that."""
    workspace = Workspace(
        work_dir=str(work_dir),
        project_settings=automation.ProjectSettings(name=PROJECT, runtime="python"),
        pulumi_command=command,
    )
    return FastStack(name, workspace, automation._stack.StackInitMode.SELECT)
