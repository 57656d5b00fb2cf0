"""The engine as a process: in a group of its own, holding the VM's lock, with an end that can be forced."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from vmops.core.errors import Failed
from vmops.core.failures import Failure, Kind


class EngineCommand(PulumiCommand):
    """Run ``pulumi`` without the version look-up of its parent class, and own the process that runs.

    ``environment`` is all that the engine sees. It inherits the descriptors ``locks``, so that the VM stays locked for
    as long as the engine lives, whoever else dies.
    """

    def __init__(self, binary: Path, version: str, environment: Mapping[str, str], locks: tuple[int, ...]) -> None:
        self.command = str(binary)
        self.version = VersionInfo.parse(version)
        self._environment = dict(environment)
        self._locks = locks
        self._process: subprocess.Popen[str] | None = None

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,  # noqa: ARG002
        on_error: Callable[[str], Any] | None = None,  # noqa: ARG002
    ) -> CommandResult:
        """Run one engine command to its end.

        Raises: pulumi.automation.CommandError, or a class below it, if the engine exits with anything but 0; Failed
        (interrupted) if a signal ended it.
        """
        self._process = subprocess.Popen(
            [self.command, "--non-interactive", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**self._environment, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            encoding="utf-8",
            errors="replace",
            process_group=0,
            pass_fds=self._locks,
        )
        stdout, stderr = self._process.communicate()
        result = CommandResult(stdout, stderr, self._process.returncode)
        if result.code < 0:
            raise Failed(Failure(Kind.INTERRUPTED, f"the engine was ended by {signal.Signals(-result.code).name}"))
        if result.code:
            raise create_command_error(result)
        return result

    @property
    def running(self) -> bool:
        """Tell whether an engine runs."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal to the engine and all it started; tell whether one runs.

        The first SIGINT lets what is in flight finish, the second ends at once and releases the engine's lock.
        Source: seen with engine 3.274.
        """
        if self._process is None or not self.running:
            return False
        os.killpg(self._process.pid, number)
        return True
