"""Finds or installs the Pulumi engine: ours, installed once for each user, or one on PATH.

The engine is a separate program, which the SDK does not contain. Ours is
``<user cache>/vmops/engine/<version>/bin/pulumi``, the layout that `pulumi.automation.PulumiCommand` expects of a root.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path

from platformdirs import user_cache_path

from vmops.core import children, file_lock
from vmops.core.errors import EngineMissing
from vmops.engine.install import installers

_MODULES = (files("vmops.engine.install") / "gomod" / "go.mod").read_text()
_PINNED = {words[0]: words[1] for line in _MODULES.splitlines() if len(words := line.split()) > 1}
ENGINE_VERSION = _PINNED["github.com/pulumi/pulumi/pkg/v3"].removeprefix("v")
GO_VERSION = _PINNED["go"]
"""The version of our engine, and the oldest Go that builds it; `make engine` pins another version."""

_TOO_HIGH = (4,)
_STAGE = "stage-"
_HOW = (
    f"put a `pulumi` >={ENGINE_VERSION},<4 on PATH, or run `vmops engine install` where the internet can be reached, "
    f"or run it where there is Go {GO_VERSION} or newer and a Go module proxy"
)


def path(choice: str | None = None) -> Path:
    """Find the engine to use.

    ``choice`` is None for ours if it is installed, else the one on PATH; ``path`` for the one on PATH; or the absolute
    path of one. The version of ours is known from its directory; any other engine is started to tell it.

    Raises: EngineMissing if there is none, or none of a version that vmops is tested with.
    """
    if choice is None and _installed():
        return _ours()
    if choice is None or choice == "path":
        found = shutil.which("pulumi")
        if found is None:
            raise EngineMissing(f"there is no Pulumi engine: {_HOW}")
        return _checked(Path(found).absolute())
    if not (Path(choice).is_absolute() and _executable(Path(choice))):
        raise EngineMissing(f"VMOPS_ENGINE is {choice!r}: it must be `path` or the absolute path of an executable file")
    return _checked(Path(choice))


def version(engine: Path) -> str:
    """Ask an engine for its version: ``3.274.1``, or an empty string if it does not answer within 30 seconds."""
    env = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    return children.answer([str(engine), "version"], env=env, timeout=30).removeprefix("v")


def install(report: installers.Report) -> Path:
    """Install our engine unless it is installed: by its official installer, else from its Go modules.

    If several processes call this at once, one installs and the others wait. Files of a killed installation are removed
    by the next. ``report`` is called every few seconds with the step and how long it has taken.

    Raises: EngineMissing if no engine of the pinned version can be installed.
    """
    if not _home().is_absolute():
        raise EngineMissing("this user has no home to install the Pulumi engine in: set XDG_CACHE_HOME, or HOME")
    try:
        _open_to_all(_home())
        if not _installed():
            with _locked(report) as held:
                _obtain(held, report)
    except OSError as error:
        raise EngineMissing(f"no Pulumi engine could be installed in {_home()} ({error}): {_HOW}") from error
    return _ours()


def _home() -> Path:
    """Give the directory of our engines; a relative path for a user without a home."""
    with suppress(RuntimeError):
        return user_cache_path("vmops") / "engine"
    return Path("~/.cache/vmops/engine")


def _open_to_all(directory: Path) -> None:
    """Make a directory that every user may read: an image is built by root, and its container runs as any user."""
    directory.mkdir(parents=True, exist_ok=True)
    if directory.stat().st_mode & 0o55 != 0o55:
        directory.chmod(0o755)


def _ours() -> Path:
    return _home() / ENGINE_VERSION / "bin" / "pulumi"


def _installed() -> bool:
    return _executable(_ours())


def _executable(file: Path) -> bool:
    return file.is_file() and os.access(file, os.X_OK)


def _checked(engine: Path) -> Path:
    found = version(engine)
    if not _number(ENGINE_VERSION) <= _number(found) < _TOO_HIGH:
        raise EngineMissing(f"{engine} is an engine of version {found or 'unknown'}: {_HOW}")
    return engine


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


@contextmanager
def _locked(report: installers.Report) -> Iterator[int]:
    """Hold the lock of installations, and give its descriptor, which all processes of the installation inherit."""
    place = _home() / "lock"
    if file_lock.is_locked(place):
        report("waiting for another process that is installing the engine")
    message = f"{place} is still locked after {installers.LONGEST:.0f} s: stop the other installation, or {_HOW}"
    with file_lock.holding(place, installers.LONGEST, lambda: EngineMissing(message)) as held:
        yield held


def _obtain(held: int, report: installers.Report) -> None:
    """Make an engine, unless another process has made it meanwhile, and move it into place atomically."""
    if _installed():
        return
    for stale in _home().glob(f"{_STAGE}*"):
        shutil.rmtree(stale)
    with tempfile.TemporaryDirectory(prefix=_STAGE, dir=_home()) as stage:
        root = _make(installers.BuildDir(Path(stage), held, report))
        shutil.rmtree(_home() / ENGINE_VERSION, ignore_errors=True)
        root.rename(_home() / ENGINE_VERSION)


def _make(build: installers.BuildDir) -> Path:
    reasons = []
    for way in (installers.official_installer, installers.go_modules):
        try:
            return _of_pinned_version(way(build, ENGINE_VERSION))
        except installers.InstallFailed as failure:
            reasons.append(str(failure))
            build.report(reasons[-1])
    raise EngineMissing(f"no Pulumi engine could be installed ({'; '.join(reasons)}): {_HOW}")


def _of_pinned_version(root: Path) -> Path:
    found = version(root / "bin" / "pulumi")
    if found != ENGINE_VERSION:
        raise installers.InstallFailed(f"the installed engine has version {found or 'unknown'}, not {ENGINE_VERSION}")
    return root
