"""The fixtures that give a test a VM, in separate pytest sessions."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.azure import Azure
from tests.functional.doors import ENDINGS, blocks, end_all, ended, names, python, start, sweep_what_was_killed
from tests.unit.test_exports import HEAVY
from vmops import Status, VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.protocol import Params

PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"]
FILE = """
import sys
def test_it(azure_vm):
    print("inside", azure_vm.name, flush=True)
    {ending}
def test_another():
    print("another", flush=True)
"""
FAILS = """
import pytest
@pytest.mark.parametrize("number", range(4))
def test_it(azure_vm, number):
    raise ValueError(azure_vm.name)
"""
NAMED = "azure_vm_params =\n    vmName=exp1\n"
TWICE = """
def test_it(azure_vm):
    assert azure_vm.name == "exp1"
test_again = test_it
"""
WAITS_FOR_ITS_VM = """
import pathlib, signal
def test_it(azure_vm):
    pathlib.Path("inside").touch()
    signal.pause()
"""


@pytest.fixture
def ops(azure: Azure, ops: VMOps, monkeypatch: pytest.MonkeyPatch) -> VMOps:
    """Give VMOps for the owner that the sessions have."""
    monkeypatch.setenv("VMOPS_OWNER", ops.settings.owner)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # the sessions do not run under xdist
    return ops


def session(directory: Path, tests: str, *options: str, ini: str = "") -> subprocess.CompletedProcess[str]:
    """Run a pytest session over one file of tests."""
    (directory / "test_it.py").write_text(tests)
    (directory / "pytest.ini").write_text(f"[pytest]\n{ini}")
    return subprocess.run([*PYTEST, *options], cwd=directory, capture_output=True, text=True, timeout=240, check=False)


def test_nothing_is_left_however_a_session_ends(ops: VMOps, azure: Azure, tmp_path: Path) -> None:
    """After a failed test, with -x, and after a signal, whose exit code is pytest's."""
    for name, ending in ENDINGS.items():
        (tmp_path / f"test_{name}.py").write_text(FILE.format(ending=ending).replace("test_it", f"test_{name}"))
    commands = {name: [*PYTEST, "-s", "-x", str(tmp_path / f"test_{name}.py")] for name in ENDINGS}
    assert end_all(commands, cwd=tmp_path) == {"exception": 1, "exit": 1, "sigint": 2, "sigterm": 2, "sigkill": -9}
    sweep_what_was_killed(ops, azure)


def test_a_failed_session_on_several_workers_leaves_nothing(ops: VMOps, azure: Azure, tmp_path: Path) -> None:
    """--maxfail stops the workers: each removes what it holds, and no two made the same VM."""
    done = session(tmp_path, FAILS, "-n", "2", "--maxfail", "1")
    assert "stopping after 1 failures" in done.stdout, done.stdout + done.stderr
    made = [operation.vm_name for operation in ops.operations()]
    assert {name.rpartition("-")[2] for name in made} == {"gw0", "gw1"}
    assert azure.resources() == []


def test_a_terminated_session_on_several_workers_leaves_nothing(ops: VMOps, azure: Azure, tmp_path: Path) -> None:
    """SIGTERM kills pytest-xdist's controller at once.

    The workers notice it and start the removals, also if SIGINT is ignored.
    """
    (tmp_path / "test_it.py").write_text(WAITS_FOR_ITS_VM)
    in_background = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]
    with start([*in_background, *PYTEST, "-n", "1", "test_it.py"], cwd=tmp_path) as running:
        assert poll_until(lambda: (tmp_path / "inside").exists() or NotYet(0.05), timeout=60)
        running.terminate()
        assert ended(running)[0] == -signal.SIGTERM
    assert poll_until(lambda: azure.resources() == [] or NotYet(0.1), timeout=60)


def test_a_killed_sessions_vm_is_taken_by_the_next_session(ops: VMOps, azure: Azure, tmp_path: Path) -> None:
    """If the VM has a given name. Two tests of a session may use one name in turn."""
    (tmp_path / "test_it.py").write_text(WAITS_FOR_ITS_VM)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{NAMED}")
    with start([*PYTEST, "test_it.py"], cwd=tmp_path) as running:
        assert poll_until(lambda: (tmp_path / "inside").exists() or NotYet(0.05), timeout=240)
        other = session(tmp_path, TWICE, ini=NAMED)
        assert f"held by a session of pytest, pid {running.pid} on " in other.stdout
        running.kill()
    done = session(tmp_path, TWICE, ini=NAMED)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert azure.resources() == []


def test_a_session_does_not_take_a_persons_vm(ops: VMOps, azure: Azure, tmp_path: Path) -> None:
    """A test that names it fails."""
    params: Params = {"vmName": "exp1"}
    ops.vm_provision(params)
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED
    done = session(tmp_path, TWICE, ini=NAMED)
    assert "no program holds it" in done.stdout
    assert names(azure) == ["exp1"]


def test_the_docs_example_runs(ops: VMOps, azure: Azure, tmp_path: Path) -> None:
    """Two tests share one VM, and the others, and each worker, have their own."""
    (tests,) = [example for example in blocks("python.md", "python") if "def test_" in example]
    (ini,) = blocks("python.md", "ini")
    done = session(tmp_path, tests, "-n", "1", ini=ini.removeprefix("[pytest]\n"))
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    provisioned = [operation for operation in ops.operations() if operation.vm_name.endswith("-gw0")]
    assert len(provisioned) == 3
    assert azure.resources() == []


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [("scope='module'", "azure_vm: scope 'module' is not function or session"), ("vmPorts=70000", "vmPorts: 70000")],
)
def test_an_invalid_marker_is_one_sentence(state_dir: Path, tmp_path: Path, marker: str, sentence: str) -> None:
    """Before any request."""
    done = session(tmp_path, f"import pytest\n@pytest.mark.azure_vm({marker})\ndef test_it(azure_vm): pass\n")
    assert sentence in done.stdout
    assert list(state_dir.iterdir()) == []


def test_an_unused_plugin_imports_nothing() -> None:
    """Every pytest session on a host with vmops imports the plugin."""
    code = "import sys, vmops.pytest_plugin; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(python(code), check=True, capture_output=True, text=True).stdout.split()
    assert not HEAVY & set(loaded)
    names = "import sys, vmops.pytest_plugin; print(*(name for name in sys.modules if name.startswith('vmops')))"
    loaded = subprocess.run(python(names), check=True, capture_output=True, text=True).stdout.split()
    assert loaded == ["vmops", "vmops.pytest_plugin"]
