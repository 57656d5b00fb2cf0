"""Shared parts of the places: tools that are installed once, a Python without vmops, and a VM's whole life."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

from vmops.core import private
from vmops.local import daemon

CHECKOUT = Path(__file__).parents[2]
BARE = str(Path(sys.executable).resolve())
"""The base Python of our environment; it has none of its packages."""

PACKAGES = sysconfig.get_path("purelib")
LIFE = """
from vmops import Status, VMOps

def life(name):
    ops, params = VMOps(), {"vmName": name}
    for begin, is_setup in ((ops.vm_provision, True), (ops.vm_deprovision, False)):
        begun = begin(params)[0] is Status.PENDING
        if not begun or ops.wait_vm_deployment(is_setup, params)[0] is not Status.SUCCEEDED:
            return str(ops.last_failure(params))
    return "lived"
"""
"""A module, ``life``, that makes and removes a VM, and prints why it could not."""

_LIMIT = 1200
"""Seconds for one command."""


class Failed(Exception):
    """A check that failed in a place."""


@contextmanager
def ground() -> Iterator[Path]:
    """Give a directory for a place, with ``life.py`` and a state directory, ``state``.

    Its processes are ended afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="vmops-place-") as name:
        place = Path(name)
        (place / "life.py").write_text(LIFE)
        private.make_directory(place / "state")
        try:
            yield place
        finally:
            daemon.stop(place / "state")


@cache
def tool(name: str) -> str:
    """Give a program of a package, installed once, whose Python finds the packages of ours."""
    place = user_cache_path("vmops") / "places" / name
    if not (place / "bin" / name).exists():
        venv.create(place, with_pip=True, clear=True)
        run([str(place / "bin/pip"), "install", "--quiet", name], place)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (place / "lib" / version / "site-packages/ours.pth").write_text(
        f"{PACKAGES}\nimport site; site.addsitedir({PACKAGES!r})\n"
    )
    return str(place / "bin" / name)


@cache
def wheel() -> str:
    """Give the wheel of the checkout."""
    out = user_cache_path("vmops") / "places" / "wheel"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(CHECKOUT)], out)
    return str(next(out.glob("*.whl")))


def environment(place: Path, **more: str) -> dict[str, str]:
    """Give the environment of a place: the user's, without variables of vmops and Python."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VMOPS_", "PYTHON"))}
    return {**kept, "VMOPS_STATE_DIR": str(place / "state"), **more}


def run(command: Sequence[str], place: Path, **more: str) -> str:
    """Run a command to its end and give its output. Raises: Failed."""
    ended = subprocess.run(
        command, cwd=place, env=environment(place, **more), capture_output=True, text=True, timeout=_LIMIT, check=False
    )
    if ended.returncode:
        raise Failed(f"`{' '.join(command)}` ended with {ended.returncode}: {(ended.stderr or ended.stdout)[-2000:]}")
    return ended.stdout


def expect(said: str, word: str) -> None:
    """Check that an output contains a word. Raises: Failed."""
    if word not in said:
        raise Failed(f"it did not say {word!r}, but {said[-2000:]!r}")
