"""The engine as a process: in a process group of its own, holding the VM's lock, and stoppable by force."""

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

_AT_A_WORD = 'read -r _ && exec "$@" < /dev/null'
"""A shell script that becomes the engine once it is told to, so that the engine's process number is known before it
starts. If its parent dies first, it ends.
"""

_PANIC = 2
"""Exit codes of an engine that may not have released its lock. Source: Go documentation, package runtime."""


class EngineCommand(PulumiCommand):
    """Run ``pulumi`` without the version look-up of its parent class, and own the process that runs.

    ``environment`` is all that the engine sees. It inherits the descriptors ``locks``, so that the VM stays locked for
    as long as the engine lives, whoever else dies. ``longest`` is how many seconds one command may take; None where
    somebody else sees to its end (`vmops.engine.deadline`). With ``notes`` each engine is noted before it begins, and
    none begins whose ``claim`` is over.
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

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,  # noqa: ARG002
        on_error: Callable[[str], Any] | None = None,  # noqa: ARG002
    ) -> CommandResult:
        """Run one engine command to its end; whatever ends this before ends the engine and all it started.

        Raises: pulumi.automation.CommandError, or a class below it, if the engine exits with anything but 0;
        OperationFailed: interrupted if a signal ended it, timeout if it took too long, fenced if the claim is over.
        """
        self._claim.check()
        self._process = children.start(
            ["/bin/sh", "-c", _AT_A_WORD, "sh", self.command, "--non-interactive", *args],
            apart=Apart.GROUP,
            stdin=children.PIPE,
            stdout=children.PIPE,
            stderr=children.PIPE,
            cwd=cwd,
            env={**self._environment, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            inherits=self._locks,
        )
        stdout, stderr = self._said(self._process, args)
        result = CommandResult(stdout, stderr, self._process.returncode)
        if result.code < 0:
            number = signal.Signals(-result.code)
            why = "; out of memory?" if number is signal.SIGKILL else ""
            raise OperationFailed(Failure(FailureKind.INTERRUPTED, f"the engine was ended by {number.name}{why}"))
        if result.code:
            raise create_command_error(result)
        return result

    def _said(self, process: Child, args: list[str]) -> tuple[str, str]:
        """Let an engine start once its note is written, and give its output at the end."""
        try:
            with self._noted(process):
                stdout, stderr = process.communicate(b"\n", timeout=self._longest)
        except StillRunning as error:
            raise OperationFailed(_too_long(args, error.timeout)) from None
        finally:
            with process:  # a plug-in, in a group of its own, may still hold the other end of a pipe: read no more
                children.kill_group(process)
        return stdout.decode(errors="replace"), stderr.decode(errors="replace")

    @contextmanager
    def _noted(self, process: Child) -> Iterator[None]:
        """Keep a note about an engine until it has ended normally; a killed or crashed one may leave its lock."""
        note = self._notes.write(process.pid) if self._notes else None
        yield
        if note and process.returncode >= 0 and process.returncode != _PANIC:
            note.unlink(missing_ok=True)

    @property
    def running(self) -> bool:
        """Tell whether an engine runs."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal to the engine and all that it started; tell whether one runs.

        The first SIGINT lets what is in flight finish; the second ends it at once and releases the engine's lock.
        Source: seen with engine 3.274.
        """
        if self._process is None or not self.running:
            return False
        os.killpg(self._process.pid, number)
        return True


def _too_long(args: list[str], seconds: float) -> Failure:
    words = " ".join(takewhile(lambda word: not word.startswith("-"), args))
    stack = f" of {args[args.index('--stack') + 1]}" if "--stack" in args else ""
    message = f"the engine's `{words}`{stack} did not end within {seconds:g} seconds; it was killed"
    step = "see whether the backend can be reached, then call again; VMOPS_ENGINE_SILENCE says how long it may take"
    return Failure(FailureKind.TIMEOUT, message, step=step)
