"""The Python interpreter of the processes that vmops starts, and the paths of their imports."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vmops import Settings, Status, VMOps, __version__
from vmops.core import interpreter
from vmops.core.environment import filtered_environment
from vmops.core.errors import StartFailed
from vmops.core.failures import FailureKind
from vmops.protocol import Params

HOME = str(interpreter.PACKAGE.parent)
PLACES = "from vmops.core import interpreter; print(*interpreter.search_path(), sep=':')"
ADVICE = f"set VMOPS_PYTHON to a Python in which vmops {__version__} is installed, then call again"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Act as a frozen program such as uWSGI; each start of it is recorded in ``begun``."""
    file = tmp_path / "experiments"
    file.write_text(f"#!/bin/sh\necho begun >> {tmp_path}/begun\n")
    file.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(file))
    monkeypatch.delenv("VMOPS_PYTHON", raising=False)
    return file


def test_a_frozen_program_is_never_started_again(program: Path, state_dir: Path) -> None:
    """Every verb is refused with a next step, and nothing is recorded."""
    ops, params = VMOps(Settings(state_dir=state_dir)), Params({"vmName": "exp1"})
    for verb in (ops.vm_provision, ops.vm_deprovision, ops.vm_start):
        assert verb(params) == (Status.FAILED, {})
        failure = ops.last_failure(params)
        assert failure
        assert (failure.kind, failure.retryable) == (FailureKind.ENGINE, False)
        assert failure.message == f"'{program}', which runs this program, is no Python interpreter"
        assert failure.next_step == ADVICE
    assert ops.operations() == []
    assert not (program.parent / "begun").exists()


@pytest.mark.parametrize(
    ("executable", "frozen", "why"),
    [
        ("/opt/python-app/run", True, "'/opt/python-app/run' is a frozen program"),
        ("", False, "the interpreter that runs this program cannot be found at ''"),
        ("/nowhere/python3", False, "the interpreter that runs this program cannot be found at '/nowhere/python3'"),
    ],
)
def test_a_missing_interpreter_is_not_guessed(
    executable: str, frozen: bool, why: str, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another Python on this machine may have another vmops."""
    monkeypatch.setattr(sys, "executable", executable)
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)
    with pytest.raises(StartFailed) as refused:
        interpreter.find()
    assert str(refused.value).startswith(why)
    assert refused.value.step == ADVICE


def test_vmops_python_names_an_interpreter(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its own code, of the same version; a name without an executable is refused."""
    monkeypatch.setenv("VMOPS_PYTHON", str(program))
    monkeypatch.setenv("PYTHONPATH", HOME)
    assert interpreter.command("vmops.cli")[0] == str(program)
    assert interpreter.environment({"PYTHONPATH": HOME, "PYTHONHOME": "/usr", "LANG": "C"}) == {"LANG": "C"}
    assert interpreter.code_id() == __version__
    interpreter.refuse_another(__version__)
    monkeypatch.setenv("VMOPS_PYTHON", "python3")
    with pytest.raises(StartFailed, match=r"^VMOPS_PYTHON is 'python3', which is no executable file$"):
        interpreter.find()


@pytest.mark.parametrize("caller", ["0.0.1", f"{__version__} /elsewhere/vmops", ""])
def test_another_version_is_refused(caller: str) -> None:
    """A worker that does otherwise than its caller expects is worse than none."""
    with pytest.raises(SystemExit, match=rf"runs vmops {__version__} of .*, but its caller runs vmops {caller}$"):
        interpreter.refuse_another(caller)


def test_search_path_keeps_the_programs_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative directories are resolved."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["lib", HOME, "/usr/lib/python3.zip"])
    assert interpreter.search_path() == [f"{tmp_path}/lib", HOME, "/usr/lib/python3.zip"]


def places(*command: str, within: Path) -> list[str]:
    """Give the search path of workers of a program in a directory; it prints it, or writes it to a file."""
    said = subprocess.run([sys.executable, *command], cwd=within, capture_output=True, text=True, check=True)
    return said.stdout.strip().split(":")


@pytest.mark.parametrize("command", [("-c", PLACES), ("script.py",), ("-m", "script")])
def test_the_scripts_directory_is_not_searched(command: tuple[str, ...], tmp_path: Path) -> None:
    """A user's ``queue.py`` must not replace a module; and two scripts of one user share a fork server."""
    (tmp_path / "script.py").write_text(PLACES)
    found = places(*command, within=tmp_path)
    assert str(tmp_path) not in found
    assert HOME in found


def test_the_scripts_directory_is_searched_if_vmops_is_in_it(tmp_path: Path) -> None:
    """As it does where all that a program needs was installed into its directory."""
    (tmp_path / "vmops").symlink_to(interpreter.PACKAGE)
    assert places("-c", PLACES, within=tmp_path)[0] == str(tmp_path)


def test_a_frozen_programs_loader_variables_are_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's Python does not run with its libraries."""
    bundle = {"LD_LIBRARY_PATH": "/tmp/_MEI1", "LD_PRELOAD": "/tmp/_MEI1/x.so"}
    shell = bundle | {"LD_LIBRARY_PATH_ORIG": "/opt/lib"}
    given = [filtered_environment(each, cloud="local", backend="") for each in (bundle, shell)]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    given += [filtered_environment(each, cloud="local", backend="") for each in (bundle, shell)]
    seen = [{name: each[name] for name in each if name.startswith("LD_")} for each in given]
    assert seen == [{"LD_LIBRARY_PATH": "/tmp/_MEI1"}] * 2 + [{}, {"LD_LIBRARY_PATH": "/opt/lib"}]


def test_only_vmops_processes_get_pythonpath() -> None:
    """Engines and users' commands do not."""
    assert os.pathsep.join(interpreter.search_path()) == interpreter.environment({})["PYTHONPATH"]
    assert "PYTHONPATH" not in filtered_environment({"PYTHONPATH": HOME}, cloud="local", backend="")
