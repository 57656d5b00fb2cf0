"""Runs the engine as a process in its own process group, which holds the VM's lock and can be killed."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from vmops.core import children
from vmops.core.children import Apart, Child, StillRunning
from vmops.core.claim import LOCKED_HERE, VmClaim
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.engine.backend.notes import EngineNotes

_WAIT_THEN_EXEC = 'read -r _ && exec "$@" < /dev/null'
"""A shell script that waits for a line on stdin and then becomes the engine, so that the engine's process number is
known before it starts. If its parent dies first, it exits.
"""

_PANIC = 2
"""The exit code of an engine that may not have released its lock. Source: Go documentation, package runtime."""


class EngineCommand(PulumiCommand):
    """Runs ``pulumi`` without the version look-up of its parent class, as a process that can be signalled.

    - ``environment``: the complete environment of the engine.
    - ``locks``: descriptors that the engine inherits, so that the VM stays locked as long as the engine lives.
    - ``longest``: how many seconds one command may take; None if `vmops.engine.deadline` limits it.
    - ``notes``: if given, a note is written before an engine starts.
    - ``claim``: no engine starts once it is lost.
    """

    def __init__(
        self,
        binary: Path,
        version: str,
        environment: Mapping[str, str],
        locks: tuple[int, ...],
        longest: float | None = None,
        notes: EngineNotes | None = None,
        claim: VmClaim = LOCKED_HERE,
    ) -> None:
        self.command = str(binary)
        self.version = VersionInfo.parse(version)
        self._environment = dict(environment)
        self._locks = locks
        self._longest = longest
        self._notes = notes
        self._claim = claim
        self._process: Child | None = None
        self._stopping = False

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,  # noqa: ARG002
        on_error: Callable[[str], Any] | None = None,  # noqa: ARG002
    ) -> CommandResult:
        """Run one engine command. An exception during the run kills the engine and its process group.

        Raises: pulumi.automation.CommandError, or a subclass, if the engine exits with another code than 0;
        OperationFailed: interrupted if a signal killed it, or if `signal` has stopped an engine before; timeout if it
        took too long, fenced if the claim is lost.
        """
        self._claim.check()
        if self._stopping:
            raise OperationFailed(Failure(FailureKind.INTERRUPTED, "the engine was stopped, and no other is started"))
        self._process = children.start(
            ["/bin/sh", "-c", _WAIT_THEN_EXEC, "sh", self.command, "--non-interactive", *args],
            apart=Apart.GROUP,
            stdin=children.PIPE,
            stdout=children.PIPE,
            stderr=children.PIPE,
            cwd=cwd,
            env={**self._environment, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            inherits=self._locks,
        )
        stdout, stderr = self._output(self._process, args)
        result = CommandResult(stdout, stderr, self._process.returncode)
        if result.code < 0:
            number = signal.Signals(-result.code)
            why = "; out of memory?" if number is signal.SIGKILL else ""
            raise OperationFailed(Failure(FailureKind.INTERRUPTED, f"the engine was killed by {number.name}{why}"))
        if result.code:
            raise create_command_error(result)
        return result

    def _output(self, process: Child, args: list[str]) -> tuple[str, str]:
        """Write an engine's note, let it start, and give its output at the end."""
        try:
            with self._noted(process):
                stdout, stderr = process.communicate(b"\n", timeout=self._longest)
        except StillRunning as error:
            raise OperationFailed(_too_long(args, error.timeout)) from None
        finally:
            with process:  # closes the pipes: a plug-in in a process group of its own may still hold the other end
                children.kill_group(process)
        return stdout.decode(errors="replace"), stderr.decode(errors="replace")

    @contextmanager
    def _noted(self, process: Child) -> Iterator[None]:
        """Keep a note about an engine until it has exited normally; a killed or crashed one may leave its lock."""
        note = self._notes.write(process.pid) if self._notes else None
        yield
        if note and process.returncode >= 0 and process.returncode != _PANIC:
            note.unlink(missing_ok=True)

    @property
    def running(self) -> bool:
        """Tell whether an engine runs."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal to the engine's process group; tell whether an engine runs. No other engine starts afterwards.

        After the first SIGINT operations in flight finish; after the second the engine exits at once and releases its
        lock. Source: seen with engine 3.274.
        """
        if self._process is None or not self.running:
            return False
        self._stopping = True
        os.killpg(self._process.pid, number)
        return True


def _too_long(args: list[str], seconds: float) -> Failure:
    words = " ".join(takewhile(lambda word: not word.startswith("-"), args))
    stack = f" of {args[args.index('--stack') + 1]}" if "--stack" in args else ""
    message = f"the engine's `{words}`{stack} did not end within {seconds:g} seconds; it was killed"
    step = "check that the backend can be reached, then call again; VMOPS_ENGINE_SILENCE is how long it may take"
    return Failure(FailureKind.TIMEOUT, message, step=step)
