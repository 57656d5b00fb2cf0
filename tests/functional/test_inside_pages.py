"""The commands of the docs on logging in and on guests are run as they stand."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azure import Azure
from vmops.local import inspection

ROOT = Path(__file__).parents[2]
INSIDE, GUESTS = (ROOT / "docs/inside.md").read_text(), (ROOT / "docs/guests.md").read_text()
SCRIPT = "#!/bin/sh\nmkdir -p results && echo done | tee results/file >results.csv\n"
PROGRAMS = {
    "ssh": 'exec /usr/bin/ssh -F "$HOME/.ssh/config" "$@"',
    "scp": 'exec /usr/bin/scp -F "$HOME/.ssh/config" "$@"',
    "ansible": "exec ssh exp1 true",
    "code": "exec ssh exp1 true",
    "rsync": 'test -x /usr/bin/rsync || exec ssh exp1 true; exec /usr/bin/rsync "$@"',
}
"""Wrappers of OpenSSH's clients, which ignore ``HOME``, and stand-ins for clients that may be missing."""


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class Desk:
    """A person's directory and shell."""

    def __init__(self, home: Path, engine: Path) -> None:
        self.home = home
        (home / ".ssh").mkdir(mode=0o700)
        (home / ".ssh/config").touch(mode=0o600)
        for name, body in PROGRAMS.items():
            self.program(home / "bin" / name, f"#!/bin/sh\n{body}\n")
        self.program(home / "benchmark.sh", SCRIPT)
        self.program(home / "bench/run.sh", 'test "$*" = "--trials 3" && mkdir results && nproc >results/cores\n')
        for name, text in {"input.csv": "1,2\n", "setup.sh": "echo set up >set-up\n", "src/file": "source\n"}.items():
            (home / name).parent.mkdir(exist_ok=True)
            (home / name).write_text(text)
        path = f"{home / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        told = {
            "HOME": str(home),
            "PATH": path,
            "VMOPS_LOCAL_GUESTS": "auto",
            "VMOPS_OWNER": "tester",
            "VMOPS_ENGINE": str(engine),
        }
        self.environment = {**os.environ, **told}

    @staticmethod
    def program(path: Path, text: str) -> None:
        """Write a program."""
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def does(self, *command: str) -> str:
        """Run a command, which must succeed."""
        done = subprocess.run(
            command, cwd=self.home, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(autouse=True)
def auto(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # after state_dir has set none
    monkeypatch.setenv("VMOPS_LOCAL_GUESTS", "auto")


@pytest.fixture
def desk(azure: Azure, state_dir: Path, engine: Path, tmp_path: Path) -> Iterator[Desk]:
    told = inspection.guests(state_dir)
    if told["kind"] == "none":
        pytest.skip(told["reason"])
    (tmp_path / "desk").mkdir()
    yield Desk(tmp_path / "desk", engine)
    assert azure.resources() == []


def test_the_pages_about_guests_run(desk: Desk, azure: Azure) -> None:
    """Every documented way to log in works, with the documented output, and files come back."""
    first, on_vm, others = blocks("sh", INSIDE)
    (watched,) = blocks("console", GUESTS)
    (shown,) = blocks("json", GUESTS)
    desk.does("vmops", "provision", "exp1", "--wait")
    desk.does("bash", "-euc", "vmops cp benchmark.sh exp1: && vmops exec exp1 -- touch /tmp/one.log")
    desk.does("bash", "-euc", first)
    assert (desk.home / "results/file").read_text() == "done\n"
    desk.does("bash", "-euc", others)
    assert (desk.home / "results.csv").read_text() == "done\n"
    desk.does("bash", "-euc", re.sub(r"^\$ ", "", watched, flags=re.MULTILINE))
    told = azure.get("/_local/guests")
    assert [each.keys() for each in told["guests"]] == [each.keys() for each in json.loads(shown)["guests"]]
    desk.does("vmops", "deprovision", "exp1", "--wait", "--yes")
    shutil.rmtree(desk.home / "results")
    desk.does("bash", "-euc", on_vm)
    assert (desk.home / "results/cores").read_text().strip().isdecimal()
    shutil.rmtree(desk.home / "results")
    (program,) = blocks("python", INSIDE)
    assert desk.does(sys.executable, "-c", program).startswith("0 ")
