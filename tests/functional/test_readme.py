"""The README, the first-run script and the calls in the teardown docs are run as they stand, on the local Azure."""

import os
import re
import shlex
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
"""Sections whose console blocks are not run, with the reasons."""


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
    """Give a user's shell environment: the installed command, and a state directory."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def test_the_readme_has_blocks() -> None:
    """Blocks are found, and every exception names an existing section."""
    assert PYTHON
    assert CONSOLE
    assert NOT_RUN.keys() <= SECTIONS.keys()


@pytest.mark.parametrize("block", PYTHON.values(), ids=PYTHON)
def test_a_python_block_runs(azure: Azure, environment: dict[str, str], block: str) -> None:
    """Its own assertions hold, and it leaves nothing."""
    done = subprocess.run([sys.executable, "-c", block], env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert azure.resources() == []


@pytest.mark.parametrize("block", CONSOLE.values(), ids=CONSOLE)
def test_a_console_block_runs(azure: Azure, environment: dict[str, str], block: str) -> None:
    """Each line with a prompt is a command that succeeds."""
    commands = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
    assert commands
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=200, cwd=ROOT
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert azure.resources() == []


def test_the_tutorial_runs_from_first_to_last_block(azure: Azure, environment: dict[str, str]) -> None:
    """The last block shows that nothing is left."""
    text = (ROOT / "docs/tutorial.md").read_text()
    said = ""
    for language, block in re.findall(r"^```(console|python)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        script = block if language == "console" else shlex.join([sys.executable, "-c", block])
        command = ["bash", "-euc", re.sub(r"^\$ ", "", script, flags=re.MULTILINE)]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        said += done.stdout
    assert said.endswith("\nnothing\n")
    assert azure.resources() == []


def test_the_script_of_the_first_run_leaves_nothing(azure: Azure, environment: dict[str, str], tmp_path: Path) -> None:
    """The local cloud replaces the real one, and a stand-in for ``az`` gives the subscription. No guest is needed."""
    (script,) = blocks("bash", (ROOT / "docs/smoke.md").read_text())
    assert (script.count("VMOPS_CLOUD=public"), len(script.splitlines())) == (1, 10)
    stand_in(tmp_path / "az", "echo 11111111-2222-3333-4444-555555555555")
    done = subprocess.run(
        [
            "bash",
            "-c",
            script.replace("VMOPS_CLOUD=public", "VMOPS_CLOUD=local").replace("waitFor=ssh", "waitFor=running"),
        ],
        env={**environment, "PATH": f"{tmp_path}:{environment['PATH']}", "MY_ADDRESS": "198.51.100.7"},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    assert "virtualMachines/vmops-smoke" in done.stdout
    assert azure.resources() == []


def test_the_calls_in_the_teardown_docs_do_what_it_says(
    azure: Azure, environment: dict[str, str], engine: Path, state_dir: Path, tmp_path: Path
) -> None:
    """A command has its VM and leaves nothing.

    An unexpired VM is not swept, and a second host removes the first one's VM. A stand-in for ``scp`` copies from the
    first host's home.
    """
    run, extend, sweep, take_over = blocks("sh", (ROOT / "docs/teardown.md").read_text())
    stand_in(
        tmp_path / "experiment.sh", 'test "$*" = "--trials 3" && test -n "$VMOPS_HOST" && test -f "$VMOPS_OUTPUTS"'
    )
    stand_in(tmp_path / "scp", f'shift && cd {tmp_path}/first && cp -Rp "${{1#first-host:}}" "$2"')
    first, second = (home(tmp_path / each) for each in ("first", "second"))
    first.rmdir()
    first.symlink_to(state_dir)
    (second / "local").symlink_to(state_dir / "local")
    here = {**environment, "PATH": f"{tmp_path}:{environment['PATH']}", "VMOPS_OWNER": "lab"}
    here["VMOPS_ENGINE"] = str(engine)

    shell(run, here, tmp_path)
    assert azure.resources() == []
    shell(f"vmops provision exp1 --wait\n{extend}{sweep}", here, tmp_path)
    assert any(each["name"] == "exp1" for each in azure.resources())
    there = {name: value for name, value in here.items() if name not in {"VMOPS_STATE_DIR", "XDG_STATE_HOME"}}
    take_over = take_over.replace("azblob://vmops?storage_account=lab", f"file://{state_dir}/backend")
    shell(take_over, {**there, "HOME": str(tmp_path / "second")}, tmp_path)
    assert azure.resources() == []
    assert not list((state_dir / "backend").rglob("stacks/*/exp1-*.json"))
    assert {each.stat().st_mode & 0o077 for each in (second / "keys").rglob("*") if each.is_file()} == {0}


def home(directory: Path) -> Path:
    """Make a user's home with a state directory, and give it."""
    state = directory / ".local" / "state" / "vmops"
    state.mkdir(parents=True)
    return state


def stand_in(path: Path, script: str) -> None:
    """Create a program that replaces another."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def shell(script: str, environment: dict[str, str], directory: Path) -> None:
    """Run lines of a shell, each of which must succeed."""
    command = ["bash", "-euc", script]
    done = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
