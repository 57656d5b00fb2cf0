"""The replacement of the ``pulumi`` command, and of the verbs of the Automation API's stack."""

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from pulumi.automation import CommandResult, PulumiCommand
from semver import VersionInfo

from tests.simulation.engine import Engine, Stopped
from tests.simulation.files import SALT, Files, refused
from tests.simulation.goals import PROJECT, Program, resolved, shown
from tests.simulation.provider import Provider
from tests.simulation.turns import Process, Turns
from vmops.core import backends
from vmops.core.claim import LOCKED_HERE, VmClaim
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.engine import workspace
from vmops.engine.backend.notes import EngineNotes
from vmops.local.provider.arm import Arm

_START_UP = 0.3
"""Seconds until an engine process starts to work. Source: measured, docs/performance.md."""


@dataclass
class Host:
    """What every engine of a world uses; ``moment`` is called where an engine may die."""

    turns: Turns
    arm: Arm
    moment: Callable[[str], object]
    engines: dict[tuple[str, int], Process]

    def start_ticks(self, pid: int) -> int | None:
        """Give the start of an engine; None if the engine or its process has died."""
        found = self.engines.get((self.turns.current.host, pid))
        return 1 if found and found.alive else None


def command_of(host: Host) -> type[PulumiCommand]:
    """Give the class that replaces `vmops.engine.process.EngineCommand` in a world."""

    class Command(DoubleCommand):
        world = host

    return Command


class DoubleCommand(PulumiCommand):
    """An engine that runs in the process of its caller; signals end it as they end an engine."""

    world: Host

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
        self._claim, self._notes = claim, notes
        self.command, self.version = str(binary), VersionInfo.parse(version)
        self._backend = cast(Path, backends.directory_of(environment["PULUMI_BACKEND_URL"]))
        self._asked, self._runs = 0, False
        self._provider: Provider | None = None

    @property
    def running(self) -> bool:
        """Tell whether an engine runs."""
        return self._runs

    def signal(self, number: signal.Signals) -> bool:
        """End the engine: gracefully at the first SIGINT, at once at the second, and by SIGKILL."""
        if not self._runs:
            return False
        if number == signal.SIGKILL:
            raise Killed
        self._asked += 1
        if self._provider:
            self._provider.cancel()
        if self._asked > 1:
            raise Stopped
        return True

    @contextmanager
    def process(self, stack: str, *, locks: bool, dry: bool = False) -> Iterator[tuple[Files, Callable[..., Engine]]]:
        """Act as an engine during a block: hold its lock, which a death leaves and any other end releases."""
        self._claim.check()
        self.world.turns.sleep(_START_UP)
        pid, here = self.world.turns.new_pid(), self.world.turns.current
        self._asked, self._runs, self._provider = 0, True, None
        self.world.engines[here.host, pid] = here
        held: list[Path] = []
        try:
            files = self._files(stack)
            if locks:
                held += [self._notes.write(pid)] if self._notes else []
                held.append(files.lock(pid))
            yield files, partial(self._run_of, files, dry=dry)
        except Killed:
            raise OperationFailed(
                Failure(FailureKind.INTERRUPTED, "the engine was killed by SIGKILL; out of memory?")
            ) from None
        except Stopped:
            _release(held)
            raise refused("error: update canceled\n") from None
        except OSError as error:  # the disk does not let it write
            _release(held)
            raise refused(f"error: {error.strerror}\n") from None
        except BaseException:
            if not self.world.turns.over:
                _release(held)
            raise
        else:
            _release(held)
        finally:
            self._runs = False
            del self.world.engines[here.host, pid]

    def _run_of(self, files: Files, tell: Callable[..., object], *, dry: bool) -> Engine:
        canceled = lambda: self._asked > 0  # noqa: E731
        return Engine(files=files, provider=self._connect, tell=tell, canceled=canceled, dry=dry)

    def _files(self, stack: str) -> Files:
        """Open the backend. Raises: CommandError, if it has no layout."""
        files = Files(self._backend, stack, self.world.moment)
        files.open()
        return files

    def _connect(self, subscription: str) -> Provider:
        self._provider = provider = Provider(self.world.arm, subscription)
        return provider

    def run(
        self, args: list[str], cwd: str, additional_env: Mapping[str, str], on_output: Any = None, on_error: Any = None
    ) -> CommandResult:
        """Run a command that concerns only the state. Raises: CommandError."""
        try:
            return CommandResult(self._said(args, Path(cwd)), "", 0)
        except OSError as error:
            raise refused(f"error: {error.strerror}\n") from None

    def _said(self, args: list[str], cwd: Path) -> str:
        match args:
            case ["stack", "ls", *_]:
                stacks = (self._backend / ".pulumi" / "stacks" / PROJECT).glob("*.json")
                return json.dumps([{"name": path.stem} for path in stacks])
            case ["stack", "init", name, *_]:
                self._files(name).create()
                (cwd / f"Pulumi.{name}.yaml").write_text(f"encryptionsalt: {SALT}\n")
            case ["stack", "export", *rest]:
                found = self._files(_named(rest)).read()
                return json.dumps({"version": 3, "deployment": shown(found) if "--show-secrets" in rest else found})
            case ["stack", "import", "--file", draft, *rest]:
                with self.process(_named(rest), locks=True) as (files, _):
                    files.read()
                    files.replace(json.loads(Path(draft).read_text())["deployment"])
            case ["stack", "rm", *rest]:
                with self.process(_named(rest), locks=True) as (files, _):
                    files.remove()
                    (cwd / f"Pulumi.{files.stack}.yaml").unlink(missing_ok=True)
            case ["cancel", *rest]:
                self._files(_named(rest)).unlock()
            case _:
                raise AssertionError(f"the double does not know this command: {args}")
        return ""


class Killed(Exception):
    """The engine was killed, and its caller was not."""


def _named(rest: list[str]) -> str:
    return rest[rest.index("--stack") + 1] if "--stack" in rest else next(x for x in rest if not x.startswith("-"))


def _release(held: list[Path]) -> None:
    """Remove what an engine leaves at a graceful end: its note and its lock."""
    for each in held:
        with suppress(OSError):  # the disk does not let it
            each.unlink(missing_ok=True)


class DoubleStack(workspace.FastStack):
    """The stack of the Automation API, whose verbs run the simulated engine."""

    def up(  # type: ignore[override]
        self,
        *,
        program: Program,
        on_event: Any,
        refresh: bool | None,
        parallel: int | None,
        continue_on_error: bool | None,
    ) -> None:
        assert (parallel, continue_on_error) == (None, None), "it does one after the other, and ends with a refusal"
        with self._engine() as (files, start):
            engine = start(on_event)
            if refresh:
                engine.refresh()
                engine = start(on_event)
            declared = program.declared(self.name)

            def registered(urn: str) -> None:
                arm_id, identity = resolved(declared.noted.get(urn, ("", "")), engine.told)
                if identity:
                    program.note(arm_id, identity)

            try:
                engine.up(declared.goals, registered)
            finally:
                files.note(len(list(files._history.glob("*"))))
            program.outputs.update(resolved(declared.outputs, engine.told))

    def preview(self, *, program: Program, on_event: Any, plan: str | None = None) -> None:  # type: ignore[override]
        with self._engine(locks=False, dry=True) as (_, start):
            engine = start(on_event)
            engine.up(program.declared(self.name).goals)
            if plan:
                Path(plan).write_text(json.dumps({"resourcePlans": engine.plans}))

    def refresh(self, *, on_event: Any) -> None:  # type: ignore[override]
        with self._engine() as (_, start):
            start(on_event).refresh()

    def destroy(  # type: ignore[override]
        self, *, on_event: Any, continue_on_error: bool, parallel: int | None
    ) -> None:
        assert (parallel, continue_on_error) == (None, True), "it does one after the other, and goes on"
        with self._engine() as (_, start):
            start(on_event).destroy()

    def _engine(self, *, locks: bool = True, dry: bool = False) -> Any:
        command = self.workspace.pulumi_command
        assert isinstance(command, DoubleCommand)
        return command.process(self.name, locks=locks, dry=dry)
