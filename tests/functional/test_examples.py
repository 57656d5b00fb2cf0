"""The example programs run unchanged on the local Azure, and leave nothing in it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from tests.functional.doors import outlive
from vmops import VMOps
from vmops.local import inspection
from vmops.protocol import Params

EXAMPLES = Path(__file__).parents[2] / "examples"
BIN = Path(sys.executable).parent


@pytest.fixture(autouse=True)
def shell(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a user's shell, with guests if this host can run them: one example runs a command in its VM."""
    monkeypatch.setenv("VMOPS_LOCAL_GUESTS", "auto")
    monkeypatch.setenv("VMOPS_OWNER", "tester")
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")


def test_every_example_prints_its_result_and_leaves_nothing(
    azure: Azure, ops: VMOps, provision: Callable[[Params], dict[str, Any]], state_dir: Path
) -> None:
    """The examples run at the same time; the one for mlos_bench has its own test."""
    provision({"vmName": "forgotten", "ttl": "1h"})
    outlive(ops)
    suite = ["pytest", "-q", "-p", "no:cacheprovider", "--rootdir=pytest_suite", "pytest_suite"]
    running = [begun(["python", name]) for name in ("nightly_sweep.py", "several_vms.py")] + [begun(suite)]
    swept, compared, tested = (said(process) for process in running)
    assert swept == "forgotten: removed\n"
    assert compared == "small: Standard_D2s_v5 is running\nlarge: Standard_D4s_v5 is running\n"
    assert "2 passed" in tested
    if inspection.guests(state_dir)["kind"] != "none":
        assert said(begun(["python", "one_vm.py"])).startswith("one-vm at 203.0.113.")
    assert azure.resources() == []


def begun(command: list[str]) -> "subprocess.Popen[str]":
    """Start a program in the directory of the examples."""
    pipe = subprocess.PIPE
    return subprocess.Popen([BIN / command[0], *command[1:]], cwd=EXAMPLES, stdout=pipe, stderr=pipe, text=True)


def said(process: "subprocess.Popen[str]") -> str:
    """Give what a program printed once it has ended successfully."""
    printed, errors = process.communicate(timeout=250)
    assert process.returncode == 0, printed + errors
    return printed
