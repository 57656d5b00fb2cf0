"""The directory of a client of Azure, and the local Azure that it uses."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from platformdirs import user_cache_path

from tests.clients.guide import Guide
from vmops.local import daemon, inspection

LIMIT = 1800
"""Seconds for one command."""

_MARK = "installed"
"""The file with the commands that installed a client, written after the last of them."""


class Failed(Exception):
    """A command that failed, or timed out."""


def directory(client: str) -> Path:
    """Give the directory in which a client is installed."""
    return user_cache_path("vmops") / "clients" / client


def installed(client: str, guide: Guide) -> bool:
    """Tell whether a client is installed as the docs say."""
    mark = directory(client) / _MARK
    return mark.exists() and mark.read_text() == "\n".join(guide.install)


def install(client: str, guide: Guide) -> Path:
    """Give the directory of a client, installed as the docs say; its files are always those of the docs.

    Raises: Failed.
    """
    place, known = directory(client), installed(client, guide)
    if not known:
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place / "python", with_pip=True)
    for name, content in guide.files.items():
        (place / name).write_text(content)
    for command in [] if known else guide.install:
        type_in(place, command, {})
    (place / _MARK).write_text("\n".join(guide.install))
    return place


@contextmanager
def local_azure() -> Iterator[Path]:
    """Give the state directory of a local Azure behind a proxy, which is ended afterwards."""
    with tempfile.TemporaryDirectory(prefix="vmops-clients-") as place:
        state_dir = Path(place)
        daemon.ensure(state_dir, proxy=True)
        try:
            yield state_dir
        finally:
            daemon.stop(state_dir)


def left(state_dir: Path) -> list[str]:
    """Give the ids of all resources in a local Azure."""
    return [each["id"] for each in inspection.listed(state_dir, "resources")]


def type_in(directory: Path, command: str, more: Mapping[str, str]) -> None:
    """Let a shell run a command; its output goes to ``output`` there, and its processes end with it. Raises: Failed."""
    with (directory / "output").open("ab") as output:
        output.write(f"$ {command}\n".encode())
        output.flush()
        process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=directory,
            env={**_environment(directory), **more},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            code = process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Failed(f"`{command}` took more than {LIMIT} s") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if code:
        raise Failed(f"`{command}` ended with {code}")


def _environment(directory: Path) -> dict[str, str]:
    """Give a user's environment, with the client first and vmops last on the path."""
    paths = (str(directory / "python/bin"), os.environ["PATH"], str(Path(sys.executable).parent))
    passed = {name: value for name, value in os.environ.items() if not name.startswith(("VMOPS_", "AZURE_"))}
    return {**passed, "PATH": os.pathsep.join(paths)}
