"""Which Python runs what vmops starts, and where that looks for code."""

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
    """Be a program that has its interpreter in it, as uWSGI has: each start of it is noted in ``begun``."""
    file = tmp_path / "experiments"
    file.write_text(f"#!/bin/sh\necho begun >> {tmp_path}/begun\n")
    file.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(file))
    monkeypatch.delenv("VMOPS_PYTHON", raising=False)
    return file


def test_a_program_that_is_no_python_is_never_begun_again(program: Path, state_dir: Path) -> None:
    """No verb does so, and each says what to do: nothing was recorded, so nothing is waited for."""
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
        ("/opt/python-app/run", True, "'/opt/python-app/run' is a program with an interpreter in it"),
        ("", False, "the interpreter that runs this program cannot be found at ''"),
        ("/nowhere/python3", False, "the interpreter that runs this program cannot be found at '/nowhere/python3'"),
    ],
)
def test_no_interpreter_is_no_guess(
    executable: str, frozen: bool, why: str, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else lies on this machine may have another vmops, or none."""
    monkeypatch.setattr(sys, "executable", executable)
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)
    with pytest.raises(StartFailed) as refused:
        interpreter.find()
    assert str(refused.value).startswith(why)
    assert refused.value.step == ADVICE


def test_another_may_be_named(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has code of its own, which only has to be of the same version; a name that leads to none is refused."""
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
def test_other_code_is_refused(caller: str) -> None:
    """A worker that does otherwise than its caller expects is worse than none."""
    with pytest.raises(SystemExit, match=rf"runs vmops {__version__} of .*, and its caller's is vmops {caller}$"):
        interpreter.refuse_another(caller)


def test_a_program_is_followed_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found first there is found first here; a relative place is where the program is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["lib", HOME, "/usr/lib/python3.zip"])
    assert interpreter.search_path() == [f"{tmp_path}/lib", HOME, "/usr/lib/python3.zip"]


def places(*command: str, within: Path) -> list[str]:
    """Give where a program that runs in a directory has its workers look; it is PLACES, as text or in a file there."""
    said = subprocess.run([sys.executable, *command], cwd=within, capture_output=True, text=True, check=True)
    return said.stdout.strip().split(":")


@pytest.mark.parametrize("command", [("-c", PLACES), ("script.py",), ("-m", "script")])
def test_what_lies_beside_a_script_is_not_what_a_worker_needs(command: tuple[str, ...], tmp_path: Path) -> None:
    """Every user has a ``queue.py`` somewhere; and two scripts of one user share a fork server."""
    (tmp_path / "script.py").write_text(PLACES)
    found = places(*command, within=tmp_path)
    assert str(tmp_path) not in found
    assert HOME in found


def test_vmops_itself_may_lie_beside_a_script(tmp_path: Path) -> None:
    """As it does where all that a program needs was installed into its directory."""
    (tmp_path / "vmops").symlink_to(interpreter.PACKAGE)
    assert places("-c", PLACES, within=tmp_path)[0] == str(tmp_path)


def test_what_a_frozen_program_has_done_to_the_loader_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own libraries are its own; with those a Python of the system does not run."""
    bundle = {"LD_LIBRARY_PATH": "/tmp/_MEI1", "LD_PRELOAD": "/tmp/_MEI1/x.so"}
    shell = bundle | {"LD_LIBRARY_PATH_ORIG": "/opt/lib"}
    given = [filtered_environment(each, cloud="local", backend="") for each in (bundle, shell)]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    given += [filtered_environment(each, cloud="local", backend="") for each in (bundle, shell)]
    seen = [{name: each[name] for name in each if name.startswith("LD_")} for each in given]
    assert seen == [{"LD_LIBRARY_PATH": "/tmp/_MEI1"}] * 2 + [{}, {"LD_LIBRARY_PATH": "/opt/lib"}]


def test_only_our_own_processes_are_told_where_code_is() -> None:
    """An engine, or what a user runs, has nothing to do with it."""
    assert os.pathsep.join(interpreter.search_path()) == interpreter.environment({})["PYTHONPATH"]
    assert "PYTHONPATH" not in filtered_environment({"PYTHONPATH": HOME}, cloud="local", backend="")
