"""The README and the first-run script are true: what they show is run here, against the local Azure."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.azure import Azure

ROOT = Path(__file__).parents[2]
README = re.split(r"^## ", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
SECTIONS = {section.partition("\n")[0]: section for section in README}
NOT_RUN = {
    "Two commands": "make sets up the environment that these tests run in; the demo has tests of its own",
    "On a real Azure": "it needs an account, and spends money",
}
"""Sections whose console blocks are not run, and why."""


def blocks(language: str, text: str) -> list[str]:
    """Give the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


PYTHON = {f"{title} {n}": block for title, text in SECTIONS.items() for n, block in enumerate(blocks("python", text))}
CONSOLE = {
    f"{title} {n}": block
    for title, text in SECTIONS.items()
    if title not in NOT_RUN
    for n, block in enumerate(blocks("console", text))
}


@pytest.fixture
def environment(azure: Azure, state_dir: Path) -> dict[str, str]:
    """Give what a user's shell has: the installed command, and a state directory."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def test_there_is_something_to_run() -> None:
    """A README whose blocks are not found would be true in vain; and no exception outlives its section."""
    assert PYTHON
    assert CONSOLE
    assert NOT_RUN.keys() <= SECTIONS.keys()


@pytest.mark.parametrize("block", PYTHON.values(), ids=PYTHON)
def test_a_python_block_runs(azure: Azure, environment: dict[str, str], block: str) -> None:
    """It runs as it stands, its own assertions hold, and it leaves nothing."""
    done = subprocess.run([sys.executable, "-c", block], env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert azure.resources() == []


@pytest.mark.parametrize("block", CONSOLE.values(), ids=CONSOLE)
def test_a_console_block_runs(azure: Azure, environment: dict[str, str], block: str) -> None:
    """Each line that begins with a prompt is a command that succeeds, one after the other."""
    commands = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
    assert commands
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=200, cwd=ROOT
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert azure.resources() == []


def test_the_script_of_the_first_run_removes_what_it_makes(
    azure: Azure, environment: dict[str, str], tmp_path: Path
) -> None:
    """It runs to its end; here the local cloud takes the real one's place, and ``az`` only knows the subscription."""
    (script,) = blocks("bash", (ROOT / "docs/smoke.md").read_text())
    assert "VMOPS_CLOUD=public" in script
    az = tmp_path / "az"
    az.write_text("#!/bin/sh\necho 11111111-2222-3333-4444-555555555555\n")
    az.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", script.replace("VMOPS_CLOUD=public", "VMOPS_CLOUD=local")],
        env={**environment, "PATH": f"{tmp_path}:{environment['PATH']}", "MY_ADDRESS": "198.51.100.7"},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    assert "virtualMachines/vmops-smoke" in done.stdout
    assert azure.resources() == []
