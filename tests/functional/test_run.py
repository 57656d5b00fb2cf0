"""``vmops run``: a command that has a VM while it runs."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.azure import Azure
from tests.functional.doors import CLI, ENDINGS, end_all, ended, hear, names, python, start, sweep_what_was_killed
from vmops import Status, VMOps
from vmops.core.polling import NotYet, poll_until

FOREGROUND = "from vmops.cli.foreground import _in_foreground; print(_in_foreground())"


@pytest.fixture
def ops(azure: Azure, ops: VMOps, monkeypatch: pytest.MonkeyPatch) -> VMOps:
    """Give VMOps for the owner that the command line has."""
    monkeypatch.setenv("VMOPS_OWNER", ops.settings.owner)
    return ops


def run(name: str, program: str, *options: str) -> list[str]:
    """Give the command that runs a Python program with a VM."""
    return [*CLI, "run", name, "-p", "ttl=1h", *options, "--", *python(f"import sys; {program}")]


def test_nothing_is_left_however_the_command_ends(ops: VMOps, azure: Azure) -> None:
    """The exit code is the command's, and signals are forwarded to it. After a kill the VM is swept."""
    commands = {name: run(f"exp-{name}", f"print('inside', flush=True); {ending}") for name, ending in ENDINGS.items()}
    codes = {"exception": 1, "exit": 3, "sigint": 128 + 2, "sigterm": 128 + 15, "sigkill": -9}
    assert end_all(commands) == codes
    sweep_what_was_killed(ops, azure)


def test_run_passes_the_vm_to_the_command_and_keeps_it_on_error(ops: VMOps, azure: Azure) -> None:
    """Address, ssh command and outputs are in the environment; the outputs' file is private."""
    tells = """
import json, os, pathlib
outputs = pathlib.Path(os.environ["VMOPS_OUTPUTS"])
print(json.dumps([dict(os.environ), json.loads(outputs.read_text()), outputs.stat().st_mode & 0o777]))
sys.exit(4)
"""
    with start(run("exp1", tells, "--keep-on-error")) as process:
        assert process.stdout
        environment, outputs, mode = json.loads(process.stdout.read())
        code, words = ended(process)
    assert (code, mode) == (4, 0o600)
    assert environment["VMOPS_HOST"] == outputs["publicIp"]
    assert environment["VMOPS_SSH"] == outputs["ssh"]
    where = environment["VMOPS_SSH_HOST"], environment["VMOPS_SSH_PORT"]
    assert where == (outputs["sshHost"], str(outputs["sshPort"])) == (outputs["publicIp"], "22")
    assert not Path(environment["VMOPS_OUTPUTS"]).exists()
    assert names(azure) == [outputs["name"]] == ["exp1"]
    assert f"`{outputs['ssh']}` logs in" in words


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_starts_the_removal_while_the_command_runs(
    ops: VMOps, azure: Azure, number: signal.Signals
) -> None:
    """A CI runner sends a signal, and kills everything soon after."""
    deaf = f"import signal; signal.signal({int(number)}, signal.SIG_IGN); print('inside', flush=True); sys.stdin.read()"
    with start(run("exp1", deaf)) as process:
        hear(process, "inside")
        process.send_signal(number)
        assert poll_until(lambda: azure.resources() == [] or NotYet(0.05), timeout=240)
        assert process.poll() is None
        process.kill()
    assert ops.wait_vm_deployment(False, {"vmName": "exp1"})[0] is Status.SUCCEEDED


def test_keep_on_error_does_not_remove_at_a_signal(ops: VMOps, azure: Azure) -> None:
    """The signal ends the command with an error, and the VM stays."""
    with start(run("exp1", "print('inside', flush=True); sys.stdin.read()", "--keep-on-error")) as process:
        hear(process, "inside")
        process.send_signal(signal.SIGTERM)
        code, _ = ended(process)
    assert (code, names(azure)) == (128 + signal.SIGTERM, ["exp1"])


def test_an_interrupt_before_the_command_removes_the_vm(ops: VMOps, azure: Azure) -> None:
    """After Ctrl-C during the provision the command never runs."""
    azure.stick("create")
    with start(run("exp1", "print('inside')")) as process:
        assert poll_until(lambda: bool(azure.ids()) or NotYet(0.02), timeout=240)
        process.send_signal(signal.SIGINT)
        azure.let_go()
        code, words = ended(process)
    assert (code, azure.resources()) == (130, [])
    assert words.splitlines()[-1] == "error: interrupted; exp1 is removed, or is being removed"


@pytest.mark.parametrize("bounded", [True, False], ids=["ttl", "no-ttl"])
def test_run_exits_with_125_if_the_vm_cannot_be_made(
    ops: VMOps, azure: Azure, bounded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command is never run. In CI a VM without a ttl causes a warning."""
    monkeypatch.setenv("CI", "true")
    lifetime = ["-p", "ttl=1h"] if bounded else []
    with start([*CLI, "run", "exp1", "-p", "vmSize=Standard_M128ms", *lifetime, "--", "true"]) as process:
        code, words = ended(process)
    assert (code, azure.resources()) == (125, [])
    assert re.search("error: exp1: capacity: .*SkuNotAvailable", words)
    assert ("warning: exp1 has no ttl" in words) is not bounded


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--", "no-such-command"], 127, "error: no-such-command: no such command"),
        (["-p", "vmPorts=70000", "--", "true"], 2, "error: vmPorts: '70000' is not a port"),
        ([], 2, "error: Invalid value for COMMAND: it is needed, after --"),
        (
            ["--send", "/", "--", "true"],
            2,
            "error: Invalid value for --on-vm: --send and --fetch need it",
        ),
    ],
)
def test_a_command_that_cannot_be_run_makes_no_vm(
    state_dir: Path, arguments: list[str], code: int, sentence: str
) -> None:
    """It is checked before any request."""
    with start([*CLI, "run", "exp1", *arguments]) as process:
        ending, words = ended(process)
    assert (ending, list(state_dir.iterdir())) == (code, [])
    assert sentence in words


def test_ctrl_c_at_a_terminal_is_not_forwarded_twice() -> None:
    """The terminal sends the signal to the command itself."""
    assert told(python(FOREGROUND)) == "False"
    terminal, end = os.openpty()
    program = f"import os, sys; os.open(sys.argv[1], os.O_RDWR); {FOREGROUND}"  # makes it its own terminal
    assert told([*python(program), os.ttyname(end)]) == "True"
    os.close(end)
    os.close(terminal)


def told(command: list[str]) -> str:
    """Run a program without a terminal, and give its output."""
    return subprocess.run(command, capture_output=True, text=True, start_new_session=True, check=True).stdout.strip()
