"""``vmops demo``: what ``make demo`` shows, and that nothing of it is left."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.azure import living, processes_of
from vmops.core.polling import NotYet, poll_until
from vmops.local import daemon

DEMO = [sys.executable, "-c", "from vmops.cli import main; main()", "demo"]
STEPS = [
    *("provision", "stop", "start", "restart"),
    *("provision again, nothing changed", "provision as Standard_D2s_v5", "deprovision"),
]


@pytest.fixture
def temporary(engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the directory in which a demo creates its own, and set environment variables that must have no effect."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("VMOPS_STATE_DIR", str(tmp_path / "not-used"))
    monkeypatch.setenv("VMOPS_BACKEND_URL", "s3://not-used")
    monkeypatch.setenv("VMOPS_CLOUD", "public")
    return tmp_path


def test_the_demo_lives_a_whole_life(temporary: Path) -> None:
    """Every step succeeds with its duration, the VM keeps its identity, and nothing is left."""
    done = subprocess.run([*DEMO, "--pace", "0"], capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stderr) == (0, "")
    timed = re.findall(r"^(\S.*?) +\d+\.\d\d s  (PENDING|SUCCEEDED) in \d+ ms(.*)$", done.stdout, re.MULTILINE)
    assert [title for title, _, _ in timed] == STEPS
    assert {then for _, called, then in timed if called == "PENDING"} == {", then SUCCEEDED"}
    assert ("provision again, nothing changed", "SUCCEEDED", "") in timed
    for name, value in (("id", "/subscriptions/"), ("privateIp", "10."), ("publicIp", "203."), ("ssh", "ssh -i ")):
        assert re.search(rf"^  {name} +{value}", done.stdout, re.MULTILINE)
    assert "  updated in place: it is the same VM\n" in done.stdout
    assert done.stdout.endswith("\nThe local Azure now holds nothing.\n")
    assert list(temporary.iterdir()) == []


def test_the_demo_can_be_read_by_a_script(temporary: Path) -> None:
    """With --json it prints one value: the steps with their seconds, and what is left."""
    done = subprocess.run([*DEMO, "--pace", "0", "--json"], capture_output=True, text=True, timeout=200)
    told = json.loads(done.stdout)
    assert [(step["step"], step["status"]) for step in told["steps"]] == [(title, "SUCCEEDED") for title in STEPS]
    assert told["left"] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_demo_that_is_interrupted_leaves_nothing(temporary: Path, number: signal.Signals, code: int) -> None:
    """An interrupt during a deployment removes its worker, engine, local Azure and files."""
    with subprocess.Popen([*DEMO, "--pace", "1"], stderr=subprocess.PIPE, text=True, start_new_session=True) as demo:
        directory = _engine_at_work(temporary)
        os.killpg(demo.pid, number)
        _, stderr = demo.communicate(timeout=60)
    assert (demo.returncode, stderr) == (code, "interrupted: what the demo made is being removed\n")
    assert processes_of(directory) == []
    assert daemon.find(directory) is None
    assert list(temporary.iterdir()) == []


def _engine_at_work(temporary: Path) -> Path:
    """Wait until a demo's engine runs, and give the demo's directory."""

    def look() -> Path | NotYet:
        directory = next(temporary.glob("vmops-demo-*"), None)
        works = directory and any(kind == "engine" for kind, _ in living(directory))
        return directory if directory and works else NotYet(0.05)

    directory = poll_until(look, timeout=60)
    assert directory
    return directory
