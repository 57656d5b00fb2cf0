"""The two ways of installing a Pulumi engine: its official installer, and a build from its Go modules."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from vmops.core import children, interpreter
from vmops.core.children import Apart, Child, StillRunning
from vmops.core.signals import signals_deferred

Report = Callable[[str], None]

_REPORT_EVERY = 3.0
_ANSWERS_WITHIN = 8
_DOWNLOAD_TIMEOUT = 600.0
_BUILD_TIMEOUT = 3600.0
LONGEST = _DOWNLOAD_TIMEOUT + _BUILD_TIMEOUT

_PROGRAM = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
# Source: the flags of the engine's own release build, .goreleaser.yml of pulumi/pulumi.
_VERSION_SYMBOL = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"


class InstallFailed(Exception):
    """A way of installing that failed, and why."""


@dataclass(frozen=True)
class BuildDir:
    """Where an engine is built: a directory for temporary files, and the lock that all processes of the build hold."""

    stage: Path
    held: int
    report: Report

    def run(self, step: str, command: Sequence[str], timeout: float) -> None:
        """Run a command for at most ``timeout`` seconds, and kill all of its processes at the end.

        Raises: InstallFailed, with the last line of its output.
        """
        with self._started(command) as process:
            output = self._follow(process, step, timeout)
        if process.returncode != 0:
            raise InstallFailed(f"{step}: {_last_line(output) or f'exit status {process.returncode}'}")

    @contextmanager
    def _started(self, command: Sequence[str]) -> Iterator[Child]:
        """Start a command. All of its processes are killed at the end, even if this is interrupted."""
        env = os.environ | {"TMPDIR": str(self.stage), "GOWORK": "off", "CGO_ENABLED": "0"}
        with ExitStack() as running:
            with signals_deferred():
                process = children.start(
                    command,
                    apart=Apart.SESSION,
                    cwd=self.stage,
                    env=env,
                    stdout=children.PIPE,
                    stderr=children.WITH_OUTPUT,
                    inherits=[self.held],
                )
                running.enter_context(process)
                running.callback(children.kill_group, process)  # until then it holds the lock, and may write
            yield process

    def _follow(self, process: Child, step: str, timeout: float) -> bytes:
        """Read a process's output until it ends, and report progress; each line of the output is one finished step."""
        started = time.monotonic()
        self.report(step)
        while (seconds := time.monotonic() - started) < timeout:
            try:
                return process.communicate(timeout=min(_REPORT_EVERY, timeout - seconds))[0]
            except StillRunning as still_running:
                seconds = time.monotonic() - started
                self.report(f"{step}: {seconds:.0f} s{_progress(still_running.output or b'')}")
        raise InstallFailed(f"{step}: not finished after {timeout:.0f} s")


def official_installer(build: BuildDir, version: str) -> Path:
    """Let the SDK run Pulumi's official installer, in a process of its own, because it has no timeout."""
    root = build.stage / "official"
    command = interpreter.command("vmops.engine.install.official", str(root), version, str(_ANSWERS_WITHIN))
    build.run(f"downloading Pulumi {version}", command, _DOWNLOAD_TIMEOUT)
    return root


def go_modules(build: BuildDir, version: str) -> Path:
    """Build the engine from its Go modules, at the versions and checksums that vmops pins.

    It is built without cgo, as Pulumi's own builds are. So it takes a user's name from the environment if the system
    has none.
    """
    step = f"building Pulumi {version} from its Go modules"
    go = shutil.which("go")
    if go is None:
        raise InstallFailed(f"{step}: there is no `go` on PATH")
    root, module = build.stage / "built", build.stage / "module"
    module.mkdir()
    for name in ("go.mod", "go.sum"):
        (module / name).write_bytes((files("vmops.engine.install") / "gomod" / name).read_bytes())
    flags = ["-v", "-mod=readonly", "-trimpath", "-ldflags", f"-s -w -X {_VERSION_SYMBOL}=v{version}"]
    command = [go, "build", "-C", str(module), *flags, "-o", str(root / "bin" / "pulumi"), _PROGRAM]
    build.run(step, command, _BUILD_TIMEOUT)
    return root


def _progress(output: bytes) -> str:
    return f", {len(output.splitlines())} done, now {_last_line(output)}" if output else ""


def _last_line(output: bytes) -> str:
    return output.decode(errors="replace").strip().rpartition("\n")[2]
