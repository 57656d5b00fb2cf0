"""A variant of the Automation API's stack that starts only one engine process for each verb."""

from datetime import UTC, datetime
from pathlib import Path

from pulumi import automation

from vmops.engine.process import EngineCommand
from vmops.spec.names import PROJECT


class Workspace(automation.LocalWorkspace):
    """A workspace without a selected stack: every command names its stack."""

    def select_stack(self, stack_name: str) -> None:
        """Do nothing: this would start an engine process, and change the selected stack for other processes."""


class FastStack(automation.Stack):
    """A stack whose verbs start one engine process each: outputs come from the program, history from the record."""

    def outputs(self) -> automation.OutputMap:
        """Give none: the program collects its outputs itself."""
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:  # noqa: ARG002
        """Give a placeholder, because the Automation API asserts that there is a summary."""
        return automation.UpdateSummary(
            kind="update", start_time=datetime.now(UTC), message="", environment={}, config={}, result="succeeded"
        )


def select(name: str, work_dir: Path, command: EngineCommand) -> automation.Stack:
    """Give a stack whose settings are in ``work_dir``, without starting an engine."""
    workspace = Workspace(
        work_dir=str(work_dir),
        project_settings=automation.ProjectSettings(name=PROJECT, runtime="python"),
        pulumi_command=command,
    )
    return FastStack(name, workspace, automation._stack.StackInitMode.SELECT)
