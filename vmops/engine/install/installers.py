"""The two ways to a Pulumi engine: its official installer, and a build from its Go modules."""

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
    """Where an engine is built: a directory for temporary files, and the lock that everybody who works there holds."""

    stage: Path
    held: int
    report: Report

    def run(self, step: str, command: Sequence[str], timeout: float) -> None:
        """Run a command for at most ``timeout`` seconds; then end all of its processes.

        Raises: InstallFailed, with the last line of its output.
        """
        with self._started(command) as process:
            output = self._follow(process, step, timeout)
        if process.returncode != 0:
            raise InstallFailed(f"{step}: {_last_line(output) or f'exit status {process.returncode}'}")

    @contextmanager
    def _started(self, command: Sequence[str]) -> Iterator[Child]:
        """Start a command. At the end all of its processes are dead, even if this is interrupted."""
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
        """Read a process's output until it ends; each line reports one step done."""
        started = time.monotonic()
        self.report(step)
        while (seconds := time.monotonic() - started) < timeout:
            try:
                return process.communicate(timeout=min(_REPORT_EVERY, timeout - seconds))[0]
            except StillRunning as still_running:
                seconds = time.monotonic() - started
                self.report(f"{step}: {seconds:.0f} s{_progress(still_running.output or b'')}")
        raise InstallFailed(f"{step}: not over after {timeout:.0f} s")


def official_installer(site: BuildDir, version: str) -> Path:
    """Let the SDK run Pulumi's own installer; it has no deadline, so it runs in a process that can be ended."""
    root = site.stage / "official"
    command = interpreter.command("vmops.engine.install.official", str(root), version, str(_ANSWERS_WITHIN))
    site.run(f"downloading Pulumi {version}", command, _DOWNLOAD_TIMEOUT)
    return root


def go_modules(site: BuildDir, version: str) -> Path:
    """Build the engine from its Go modules, at the versions and checksums that vmops carries.

    It is built without C. Such an engine takes a user's name from the environment where the system has none, as
    Pulumi's own builds do.
    """
    step = f"building Pulumi {version} from its Go modules"
    go = shutil.which("go")
    if go is None:
        raise InstallFailed(f"{step}: there is no `go` on PATH")
    root, module = site.stage / "built", site.stage / "module"
    module.mkdir()
    for name in ("go.mod", "go.sum"):
        (module / name).write_bytes((files("vmops.engine.install") / "gomod" / name).read_bytes())
    flags = ["-v", "-mod=readonly", "-trimpath", "-ldflags", f"-s -w -X {_VERSION_SYMBOL}=v{version}"]
    command = [go, "build", "-C", str(module), *flags, "-o", str(root / "bin" / "pulumi"), _PROGRAM]
    site.run(step, command, _BUILD_TIMEOUT)
    return root


def _progress(output: bytes) -> str:
    return f", {len(output.splitlines())} done, now {_last_line(output)}" if output else ""


def _last_line(output: bytes) -> str:
    return output.decode(errors="replace").strip().rpartition("\n")[2]
