"""The wheel: its contents, and that it works outside the checkout."""

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.timeout(900)

CHECKOUT = Path(__file__).parents[2]
Vmops = Callable[..., str]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(CHECKOUT)]
    subprocess.run(build, check=True, capture_output=True)
    [built] = out.iterdir()
    return built


@pytest.fixture(scope="module")
def vmops(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Vmops:
    """Install the wheel from the index into an empty environment, and run its program in a hostile directory."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place / "venv")
    pip = [sys.executable, "-m", "pip", "--python", str(place / "venv"), "install", "--quiet", "--no-compile"]
    subprocess.run([*pip, "--timeout", "60", "--retries", "10", str(wheel)], check=True)
    elsewhere = place / "elsewhere"
    (elsewhere / "stacks").mkdir(parents=True)
    (elsewhere / "stacks" / "__init__.py").write_text("raise ImportError('this is not the stacks of vmops')")

    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PULUMI", "VMOPS"))}
    env["VMOPS_STATE_DIR"] = str(place / "state")

    def run(*arguments: str) -> str:
        command = [str(place / "venv" / "bin" / "vmops"), *arguments]
        ended = subprocess.run(command, cwd=elsewhere, env=env, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


def test_the_wheel_contains_one_package(wheel: Path) -> None:
    """A name such as ``stacks`` or ``tests`` at the top of site-packages could collide."""
    names = ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"vmops"}


@pytest.mark.parametrize(
    "file", ["stacks/vm.py", "engine/install/gomod/go.mod", "engine/install/gomod/go.sum", "py.typed"]
)
def test_the_wheel_contains_files_that_are_not_imported(wheel: Path, file: str) -> None:
    """The declared stack is outside the package in the checkout, and the engine's modules are no Python."""
    assert f"vmops/{file}" in ZipFile(wheel).namelist()


def test_the_installed_wheel_finds_the_engine(vmops: Vmops) -> None:
    """The program finds or installs the engine, whatever the working directory."""
    assert vmops("engine", "install") == vmops("engine", "path")


def test_the_installed_wheel_runs_the_demonstration(vmops: Vmops) -> None:
    """The wheel is enough for a whole life, beside a directory with its modules' names."""
    vmops("demo")
