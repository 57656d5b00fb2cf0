"""The command line for people and scripts: a process, its two streams and its exit code."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from typer.main import get_command
from typer.testing import CliRunner

import vmops
from tests.azure import Azure, processes_of
from tests.conftest import NO_GUESTS
from tests.functional.doors import blocks
from tests.terminal import plain
from vmops.cli import command_line
from vmops.local import daemon

VMOPS = str(Path(sys.executable).with_name("vmops"))
COMMANDS: dict[str, Any] = get_command(command_line()).commands  # type: ignore[attr-defined]


class Shell:
    """A shell with settings of its own, in which ``vmops`` is called; a traceback is never right."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.azure = Azure(state_dir)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VMOPS_")} | NO_GUESTS
        self.environment = {**inherited, "VMOPS_STATE_DIR": str(state_dir), "VMOPS_OWNER": "tester"}

    def __call__(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **{f"VMOPS_{name.upper()}": value for name, value in settings.items()}}
        done = subprocess.run([VMOPS, *arguments], capture_output=True, text=True, env=environment, timeout=200)
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done

    def start(self, *arguments: str, **streams: Any) -> "subprocess.Popen[str]":
        """Start a call without waiting for it, as the leader of its session."""
        command = [VMOPS, *arguments]
        return subprocess.Popen(command, text=True, start_new_session=True, env=self.environment, **streams)

    def json(self, *arguments: str) -> Any:
        """Parse what a call prints as one JSON value."""
        return json.loads(self(*arguments, "--json").stdout)


@pytest.fixture
def shell(state_dir: Path) -> Shell:
    """Give a shell with an empty state directory."""
    return Shell(state_dir)


@pytest.fixture(scope="module")
def lab(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Give a shell whose local Azure has a VM, exp1; its tests leave that VM unchanged."""
    state_dir = tmp_path_factory.mktemp("lab")
    daemon.ensure(state_dir, 0)
    shell = Shell(state_dir)
    done = shell("provision", "exp1", "--wait")
    assert done.returncode == 0, done.stderr
    yield shell
    daemon.stop(state_dir)


def test_cli_output_of_a_whole_life(lab: Shell) -> None:
    """Progress is on stderr, results are on stdout, and every verb prints how it ended."""
    made = lab("provision", "life", "--wait")
    assert made.returncode == 0
    assert made.stdout.startswith("SUCCEEDED after ")
    assert re.search(r"\n  ssh +ssh -i \S+ mlos@203\.0\.113\.\d\n", made.stdout)
    assert made.stderr.startswith("provision of life …\n")
    assert len(re.findall(r"^  ✓ \w+ \S+ create \d+\.\d s$", made.stderr, re.MULTILINE)) == 7
    for verb in ("stop", "start", "restart", "deallocate"):
        done = lab(verb, "life", "--wait")
        assert (done.returncode, done.stdout) == (0, "SUCCEEDED\n"), done.stderr
    gone = lab("deprovision", "life", "--wait")
    assert (gone.returncode, gone.stdout[:9]) == (0, "SUCCEEDED")
    assert "✓ VirtualMachine life delete" in gone.stderr
    assert not any("life" in each for each in lab.azure.ids())
    again = lab("deprovision", "life")
    assert (again.returncode, again.stderr) == (0, "nothing to do; this is the earlier result:\n")


def test_every_answer_can_be_one_json_value(lab: Shell) -> None:
    """With --json, stdout is exactly one JSON value, whatever is on stderr."""
    answers = {
        call: lab.json(*call)
        for call in (
            ("provision", "exp1", "--wait"),
            ("provision", "exp1"),
            ("provision", "huge", "-p", "vmSize=Standard_M128ms", "--wait"),
            ("restart", "exp1"),
            ("start", "none"),
            ("deprovision", "none", "--wait"),
        )
    }
    there, again, refused, begun, unknown, gone = answers.values()
    assert there["status"] == again["status"] == gone["status"] == "SUCCEEDED"
    assert there["result"] == again["result"]
    assert there["result"]["id"].endswith("/virtualMachines/exp1")
    place = ("Standard_B2s", "westus2", None, "Regular", 0.08)
    assert tuple(there["result"][each] for each in ("vmSize", "location", "zone", "priority", "pricePerHour")) == place
    assert (refused["status"], refused["failure"]["kind"]) == ("FAILED", "capacity")
    assert begun["status"] == "PENDING"
    assert begun["result"]["asyncResultsUrl"].startswith("http://127.0.0.1:")
    assert unknown["failure"]["nextStep"] == "provision the VM first, or correct the name"


def test_the_version_and_the_short_help(shell: Shell) -> None:
    """--version and -h work, also for a command."""
    told = shell("--version")
    assert (told.returncode, told.stdout) == (0, f"vmops {vmops.__version__}\n")
    assert shell("-h").stdout == shell("--help").stdout
    assert "Usage: vmops provision" in shell("provision", "-h").stdout


def test_the_tab_key_completes_commands_and_options() -> None:
    """The line in the documentation enables completion."""
    (line,) = blocks("commands.md", "sh")
    typed = ("vmops st", "vmops local f", "vmops provision exp1 --w")
    asked = [
        f'COMP_WORDS="{words}" COMP_CWORD={words.count(" ")} _VMOPS_COMPLETE=complete_bash vmops' for words in typed
    ]
    script = "\n".join([line, "complete -p vmops", *asked])
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euc", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.split()[-6:] == ["vmops", "start", "stop", "status", "fault", "--wait"], done.stderr


def test_status_and_list_can_be_json(lab: Shell, engine: Path) -> None:
    """JSON has everything that the text shows."""
    told = lab.json("status", "exp1")
    assert (told["machine"]["power"], told["pricePerHour"], told["priceSource"]) == ("running", 0.08, "local")
    assert [each["pricePerHour"] for each in lab.json("list", "-p", "vmName=exp1")["vms"]] == [0.08]
    assert "exp1" in [each["vmName"] for each in lab.json("history")]
    assert lab.json("engine", "path") == lab.json("engine", "version")
    assert lab.json("engine", "path")["path"] == str(engine)


def test_json_of_a_failed_query_is_one_value(shell: Shell, tmp_path: Path) -> None:
    """A failed verb prints FAILED with its failure. A wrong call prints no answer."""
    (tmp_path / "file").touch()
    broken = shell("history", "--json", state_dir=str(tmp_path / "file" / "state"))
    assert broken.returncode == 1
    told = json.loads(broken.stdout)
    assert (told["status"], told["result"], told["failure"]["kind"]) == ("FAILED", {}, "engine")
    assert broken.stderr == f"error: {told['failure']['message']}\n"
    wrong = shell("stop", "x", "-p", "vmPorts", "--json")
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_list_and_extend_accept_parameters(lab: Shell) -> None:
    """A file or -p pairs may name the VM and its group, and select rows of the list."""
    for meant in (["-p", "vmName=EXP1"], ["-p", "resourceGroup=vmops-exp1", "-p", "cloud=local"]):
        assert [each["vmName"] for each in lab.json("list", *meant)["vms"]] == ["exp1"]
        assert {each["vmName"] for each in lab.json("history", *meant)} == {"exp1"}
    assert lab.json("list", "-p", "resourceGroup=none", "--all") == {"live": True, "vms": []}
    for words in (
        ["exp1", "2h"],
        ["2h", "-p", "vmName=exp1"],
        ["exp1", "-p", "ttl=2h"],
        ["-p", "vmName=exp1", "-p", "ttl=2h"],
    ):
        assert lab.json("extend", *words)["status"] == "SUCCEEDED"


def test_status_shows_azures_state_and_the_next_command(lab: Shell) -> None:
    """It shows who asked, since when, how it ended, Azure's state, the login and the next command."""
    assert lab("stop", "exp1", "--wait").returncode == 0
    headline, *lines = lab("status", "exp1").stdout.splitlines()
    assert lab("start", "exp1", "--wait").returncode == 0
    told = dict(re.split(r" {2,}", line.strip(), maxsplit=1) for line in lines)
    assert headline == "exp1: provisioned, stopped"
    assert re.fullmatch(r"provision by tester, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(.+ ago\)", told["asked"])
    assert re.fullmatch(r"succeeded after .+ s", told["ended"])
    assert told["azure"] == "stopped, its compute is still paid for, Standard_B2s, provisioning succeeded"
    assert told["address"] == "203.0.113.1, 10.0.0.4"
    assert told["price"].startswith("$0.08/h (made up), compute alone, as of 20")
    assert told["ssh"].endswith(" mlos@203.0.113.1")
    assert told["next"] == "vmops start exp1"


def test_status_of_a_failure_shows_cause_and_next_command(lab: Shell) -> None:
    """Cause, retry and removal are in one place."""
    failed = lab("provision", "bad", "-p", "vmSize=Standard_M128ms", "--wait")
    assert (failed.returncode, failed.stdout) == (1, "FAILED\n")
    *_, step, error = failed.stderr.splitlines()
    assert step.startswith("  ✗ VirtualMachine bad create ")
    assert re.match(r"error: bad: capacity: VirtualMachine bad: .*\(SkuNotAvailable\); call", error)
    told = lab("status", "bad").stdout
    assert told.startswith("bad: provision failed, no such VM in Azure\n")
    assert re.search(r"  why +capacity: VirtualMachine bad: .*; since \d{4}-\d\d-\d\d ", told)
    assert "vmops provision bad -p vmSize=Standard_M128ms, or vmops deprovision bad to remove what was made\n" in told


def test_status_of_a_deleted_vm_suggests_to_recreate_it(lab: Shell) -> None:
    """ARM decides what exists, not the record."""
    vm = lab.json("provision", "lost", "--wait")["result"]["id"]
    here = daemon.ensure(lab.state_dir)
    headers = {"Authorization": f"Bearer {here.token}"}
    requests.delete(f"{here.arm}{vm}?api-version=2024-07-01", headers=headers, timeout=10).raise_for_status()
    told = lab("status", "lost").stdout
    assert told.startswith("lost: provisioned, no such VM in Azure\n")
    assert "vmops provision lost recreates it, vmops deprovision lost removes what is left\n" in told


def test_status_of_an_unknown_vm(lab: Shell) -> None:
    """An unknown VM is an answer and not an error."""
    done = lab("status", "nobody")
    assert (done.returncode, done.stdout) == (
        0,
        "nobody: this host has no record of a deployment, no such VM in Azure\n",
    )


def test_list_shows_removed_vms_only_with_all(lab: Shell) -> None:
    """By default removed VMs are only counted."""
    assert lab("deprovision", "never", "--wait").returncode == 0
    header, *rows = lab("list").stdout.splitlines()
    assert header.split() == ["NAME", "POWER", "SIZE", "PLACE", "IP", "PRICE", "SPENT", "AGE", "EXPIRES", "OWNER"]
    (exp1,) = [row for row in rows if row.startswith("exp1 ")]
    assert re.fullmatch(
        r"exp1 +running +Standard_B2s +westus2 +203\.0\.113\.1 +\$0\.08/h \(made up\) +≤ \$0\.\d\d +\S.* s +"
        r"(?:in 1 h 5\d min)? +tester",
        exp1,
    )
    assert not any(row.startswith("never ") for row in rows)
    assert re.search(r"^never +gone ", lab("list", "--all").stdout, re.MULTILINE)
    assert re.search(r" more (is|are) gone \(--all lists them\)\n$", lab("list").stderr)


def test_dry_runs_change_nothing(lab: Shell) -> None:
    """A dry run shows what would be made, changed, replaced or deleted."""
    writes = lab.azure.writes()
    creates = lab.json("provision", "new", "--dry-run")["changes"]
    assert {step["operation"] for step in creates} == {"create"}
    assert {step["resource"].split()[0] for step in creates} == {
        *("ResourceGroup", "VirtualNetwork", "Subnet", "NetworkSecurityGroup"),
        *("PublicIPAddress", "NetworkInterface", "VirtualMachine"),
    }
    costs = (
        "it costs ${}/h (made up) by the list while it runs; not counted: disks, public addresses, traffic, licences\n"
    )
    resized = lab("provision", "exp1", "-p", "vmSize=Standard_D2s_v5", "--dry-run")
    assert (resized.stdout, resized.stderr) == (
        "update   VirtualMachine exp1\n         hardwareProfile.vmSize: Standard_B2s → Standard_D2s_v5\n",
        f"1 change to be made; nothing was changed\n{costs.format(0.096)}",
    )
    replaced = lab("provision", "exp1", "-p", "ubuntuOSVersion=22.04", "--dry-run")
    assert (replaced.stdout, replaced.stderr) == (
        "replace  VirtualMachine exp1\n         storageProfile.imageReference: "
        "Canonical:ubuntu-24_04-lts:server:latest → Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest\n",
        "warning: VirtualMachine exp1 is replaced, and loses exp1-osdisk\n1 change to be made; nothing was changed\n"
        f"{costs.format(0.08)}",
    )
    unknown = lab("provision", "exp1", "-p", "vmSize=Standard_D2s_v55", "--dry-run")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "vmSize: there is no Standard_D2s_v55 in westus2; did you mean Standard_D2s_v5?" in unknown.stderr
    restricted = lab("provision", "exp1", "-p", "vmSize=standard_m128ms", "--dry-run")
    assert (restricted.returncode, restricted.stdout) == (1, "")
    told = "capacity: vmSize: Standard_M128ms is not available in westus2: NotAvailableForSubscription"
    assert told in restricted.stderr
    doomed = lab("deprovision", "exp1", "--dry-run")
    names = [each.rpartition("/")[2] for each in doomed.stdout.splitlines()]
    assert names == ["exp1", "exp1-nic", "exp1-ip", "exp1-nsg", "exp1-vnet", "exp1-osdisk", "vmops-exp1"]
    assert lab.json("deprovision", "exp1", "--dry-run") == doomed.stdout.splitlines()
    assert lab.azure.writes() == writes


def test_offers_and_quotas_can_be_read_and_be_json(lab: Shell) -> None:
    """Places have a price and a verdict with its reason. Unused quotas are only counted."""
    sizes = "vmSize=Standard_B2s,Standard_M128ms"
    header, here, restricted = lab("offers", "-p", sizes).stdout.splitlines()
    assert header.split() == ["ORDER", "SIZE", "PLACE", "PRIORITY", "PRICE", "LEFT", "VERDICT", "WHY"]
    assert re.fullmatch(r"1 +Standard_B2s +westus2 +Regular +\$0\.08/h \(made up\) +\d+ cores +ok", here)
    assert "blocked" in restricted
    assert restricted.endswith("NotAvailableForSubscription: Standard_M128ms is restricted in westus2")
    told = lab.json("offers", "-p", sizes, "--cheapest")
    assert [(each["vmSize"], each["verdict"]) for each in told] == [
        ("Standard_B2s", "ok"),
        ("Standard_M128ms", "blocked"),
    ]
    table = lab("quota", "-p", "location=westus2")
    assert re.search(r"^westus2 +standardBSFamily +[1-9]", table.stdout, re.MULTILINE)
    assert table.stderr.endswith(" more quotas are not used (--json lists them)\n")
    (used,) = [each for each in lab.json("quota") if each["name"] == "standardBSFamily"]
    assert used["limit"] - used["used"] == used["left"]
    wrong = lab("offers", "-p", "zone=9")
    assert (wrong.returncode, wrong.stderr) == (2, "error: zone: '9' is not a zone (1, 2 or 3)\n")


def test_a_wait_by_the_handle_alone(lab: Shell) -> None:
    """The handle of a power operation or a deployment is enough in another shell."""
    for call in (("restart", "exp1"), ("deprovision", "absent")):
        handle = lab.json(*call)["result"]["asyncResultsUrl"]
        done = lab("wait", "-p", f"asyncResultsUrl={handle}")
        assert (done.returncode, done.stdout.split()[0]) == (0, "SUCCEEDED"), done.stderr


def test_wait_gone_ignores_the_handle_of_another_operation(lab: Shell) -> None:
    """The end of a restart does not answer a wait for absence."""
    handle = lab.json("restart", "exp1")["result"]["asyncResultsUrl"]
    done = lab("wait", "exp1", "--gone", "-p", f"asyncResultsUrl={handle}")
    assert (done.returncode, done.stdout) == (1, "FAILED\n")


def test_a_closed_stdout_is_no_error(lab: Shell) -> None:
    """``vmops list | true`` ends without a traceback."""
    command = f"set -o pipefail; {VMOPS} list | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=lab.environment, timeout=60)
    assert done.stderr == ""


def test_a_misspelled_parameter_of_a_file_is_pointed_out(lab: Shell, tmp_path: Path) -> None:
    """It is ignored with a warning on stderr; stdout has the result only."""
    (tmp_path / "p.yaml").write_text("vmName: exp1\nvmsize: Standard_D2s_v5\ntrial: 3\n")
    done = lab("provision", "--params", str(tmp_path / "p.yaml"), "--dry-run", "--json")
    told = json.loads(done.stdout)
    price = told.pop("price")
    assert told == {"changes": [], "places": [], "warnings": []}
    assert (price["perHour"], price["currency"], price["source"]) == (0.08, "USD", "local")
    ignored = "vmsize (did you mean vmSize?), trial"
    assert done.stderr == f"warning: ignored, because there are no such parameters: {ignored}\n"


def test_a_missing_engine_is_a_sentence(lab: Shell) -> None:
    """The sentence names the setting, whether the engine is missing here or in the worker."""
    for options in (["--dry-run"], ["--wait"]):
        done = lab("provision", "engineless", *options, engine="/nonexistent")
        assert done.returncode == 1
        assert "VMOPS_ENGINE is '/nonexistent'" in done.stderr.splitlines()[-1]


def test_ctrl_c_ends_only_the_wait(azure: Azure, shell: Shell) -> None:
    """The whole foreground group gets SIGINT. The worker is not in it, and succeeds."""
    azure.stick("create")
    call = ("provision", "exp1", "--wait", "--json")
    with shell.start(*call, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as waiting:
        assert waiting.stderr is not None
        assert any("✓ ResourceGroup" in line for line in waiting.stderr)
        os.killpg(waiting.pid, signal.SIGINT)
        stdout, stderr = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert stderr.splitlines()[-1] == (
        "error: interrupted, but the provision of exp1 goes on: "
        "follow it with `vmops wait exp1`, end it with `vmops cancel exp1`"
    )
    assert json.loads(stdout)["status"] == "PENDING"
    assert shell("status", "exp1").stdout.startswith("exp1: provision in flight, ")
    azure.let_go()
    assert shell("wait", "exp1").returncode == 0


def test_ctrl_c_during_a_resize_suggests_no_deprovision(azure: Azure, shell: Shell) -> None:
    """The suggested command ends the change and keeps the VM."""
    vm = shell.json("provision", "exp1", "--wait")["result"]["id"]
    azure.stick("update")
    with shell.start("provision", "exp1", "-p", "vmSize=Standard_D2s_v5", "--wait", stderr=subprocess.PIPE) as waiting:
        assert waiting.stderr is not None
        assert any("provision of exp1 …" in line for line in waiting.stderr)
        os.killpg(waiting.pid, signal.SIGINT)
        _, stderr = waiting.communicate(timeout=60)
    *_, last = stderr.splitlines()
    assert last.endswith("follow it with `vmops wait exp1`, end it with `vmops cancel exp1`")
    assert shell(*shlex.split(last.rpartition("`vmops ")[2].rstrip("`"))).returncode == 0
    azure.let_go()
    assert azure.vm(vm)["id"] == vm
    told = shell("status", "exp1").stdout
    assert told.startswith("exp1: provision failed, running\n")
    again = "vmops provision exp1 -p vmSize=Standard_D2s_v5"
    assert f"{again}, or vmops deprovision exp1 to remove the VM with its disks\n" in told


def test_a_wait_that_is_too_short_fails_and_the_work_goes_on(azure: Azure, shell: Shell) -> None:
    """TIMED_OUT exits with 1. PENDING exits with 0 without a wait, and with 1 after a wait."""
    azure.stick("create")
    begun = shell("provision", "exp1")
    assert (begun.returncode, begun.stdout.split()[0]) == (0, "PENDING")
    assert begun.stderr == "follow it with `vmops wait exp1`\n"
    assert shell("wait", "exp1", "-p", "pollTimeout=0").returncode == 1
    short = shell("provision", "exp1", "--wait", "-p", "pollTimeout=0.1")
    assert (short.returncode, short.stdout) == (1, "TIMED_OUT\n")
    assert short.stderr.splitlines()[-1] == (
        "error: the provision of exp1 is not done within pollTimeout, but goes on: follow it with `vmops wait exp1`"
    )
    azure.let_go()
    assert shell("wait", "exp1").returncode == 0


def test_a_terminal_shows_the_steps_in_flight(azure: Azure, shell: Shell) -> None:
    """Each step in flight has a row with its duration. The deployment can be cancelled."""
    daemon.ensure(shell.state_dir, 1)
    assert shell("provision", "exp1").returncode == 0
    controller, terminal = pty.openpty()
    with shell.start("wait", "exp1", stdout=subprocess.DEVNULL, stderr=terminal) as waiting:
        os.close(terminal)
        seen = ""
        while not re.search(r"provision of exp1 \d.*… VirtualNetwork exp1-vnet create \d", seen, re.DOTALL):
            seen += plain(os.read(controller, 65536).decode(errors="replace"))
        waiting.send_signal(signal.SIGINT)
    os.close(controller)
    assert waiting.returncode == 130
    assert (shell("cancel", "exp1").stdout) == "SUCCEEDED\n"
    assert processes_of(shell.state_dir) == []
    assert shell("status", "exp1").stdout.startswith("exp1: provision failed, ")


WRONG_CALLS = {
    "no name": (["provision"], "vmName: is required"),
    "a port": (["provision", "x", "-p", "vmPorts=70000"], "vmPorts: '70000' is not a port (1 to 65535)"),
    "a password": (
        ["provision", "x", "-p", "authenticationType=password", "-p", "adminPasswordOrKey=hunter2"],
        "adminPasswordOrKey: is not a password for Azure",
    ),
    "no file": (["stop", "--params", "none.yaml"], "--params: none.yaml cannot be read: No such file or directory"),
    "no pair": (["stop", "x", "-p", "vmPorts"], "-p: 'vmPorts' is not of the form NAME=VALUE"),
    "no parameter": (["stop", "x", "-p", "region=eastus"], "region: no such parameter; did you mean location?"),
    "an option": (["stop", "x", "--force-it"], "No such option: --force-it (see vmops stop --help)"),
    "a value": (["demo", "--pace", "fast"], "Invalid value for '--pace': "),
    "a command": (["provisoin"], "No such command 'provisoin'. Did you mean 'provision'"),
    "another tool's word": (["rm", "x"], "No such command 'rm'. Did you mean 'deprovision'? (see vmops --help)"),
    "a command of local": (["local", "begin"], "No such command 'begin' (see vmops local --help)"),
    "an endpoint": (
        ["wait", "-p", "asyncResultsUrl=https://evil.example/x"],
        "asyncResultsUrl: https://evil.example/x is not on this cloud's endpoint",
    ),
    "nothing to wait for": (["wait"], "vmName: is required"),
    "no time": (["extend", "x"], "ttl: is required"),
    "no VM to spoil": (["local", "fault", "deleted-behind-our-back"], "Missing "),
}


@pytest.mark.parametrize(("arguments", "sentence"), WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_a_wrong_call_is_a_sentence_and_exit_code_2(shell: Shell, arguments: list[str], sentence: str) -> None:
    """Stderr ends with one error, stdout is empty, and neither has a secret."""
    done = shell(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    *progress, error = done.stderr.splitlines()
    assert error.startswith(f"error: {sentence}")
    assert progress in ([], ["operation …"])
    assert "hunter2" not in done.stderr


def test_a_file_that_is_no_json_is_a_wrong_call(shell: Shell, tmp_path: Path) -> None:
    """It is refused before anything is made, the records included."""
    (tmp_path / "vm.json").write_text("vmName: exp1")
    done = shell("provision", "--params", str(tmp_path / "vm.json"), "--wait")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: --params: {tmp_path / 'vm.json'} is not JSON from line 1 on\n"
    assert list(shell.state_dir.iterdir()) == []


def test_all_parameter_errors_are_reported_at_once(shell: Shell) -> None:
    """Every problem of a call is in one report."""
    done = shell("provision", "x", "-p", "vmPorts=0", "-p", "publicIp=perhaps")
    assert done.stderr.splitlines() == [
        "error: vmPorts: '0' is not a port (1 to 65535)",
        "error: publicIp: 'perhaps' is neither true nor false",
    ]


def test_a_wrong_setting_is_named_as_the_variable_that_holds_it(shell: Shell) -> None:
    """The error names the environment variable."""
    done = shell("history", cloud="mars")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: VMOPS_CLOUD: 'mars': ")


def test_a_state_directory_that_cannot_be_written_is_a_sentence(shell: Shell, tmp_path: Path) -> None:
    """It names the directory and the system's error."""
    (tmp_path / "file").touch()
    done = shell("history", state_dir=str(tmp_path / "file" / "state"))
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        r"error: the state directory \S+/file/state cannot hold records \(.*Not a directory.*\): .*\n", done.stderr
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_help_examples_are_valid_calls(name: str) -> None:
    """Each command's help has an example, whose command and options exist."""
    shown = CliRunner().invoke(command_line(), [name, "--help"], terminal_width=200).stdout
    if hasattr(COMMANDS[name], "commands"):
        return
    examples = [line.strip().split() for line in shown.splitlines() if line.strip().startswith("$ vmops ")]
    assert examples, shown
    for _, _, command, *words in examples:
        own = words[: words.index("--")] if "--" in words else words
        known = {option for parameter in COMMANDS[command].params for option in parameter.opts}
        assert {word for word in own if word.startswith("-")} <= known


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], {"azure", "grpc", "psutil", "pulumi", "pydantic_settings", "sqlite3", "structlog", "yaml"}),
        (["history"], {"azure", "grpc", "pulumi", "starlette", "uvicorn", "yaml"}),
        (["status", "exp1"], {"grpc", "pulumi", "pulumi_azure_native", "starlette", "uvicorn"}),
    ],
)
def test_a_command_imports_only_what_it_needs(state_dir: Path, arguments: list[str], heavy: set[str]) -> None:
    """Help, lists and queries start quickly."""
    program = (
        f"import atexit, sys; sys.argv = ['vmops', *{arguments!r}]; from vmops.cli import main; "
        "atexit.register(lambda: print('modules', *{name.partition('.')[0] for name in sys.modules})); main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert heavy & set(done.stdout.splitlines()[-1].split()) == set()


def test_run_and_sweep_use_the_subscription_of_the_login(shell: Shell) -> None:
    """Without a named subscription they use that of the environment, and print it."""
    shell.environment["AZURE_SUBSCRIPTION_ID"] = "11111111-2222-3333-4444-555555555555"
    for call in (("run", "x", "-p", "adminUsername=root", "--", "true"), ("sweep",)):
        done = shell(*call, cloud="public")
        assert done.stderr.startswith(
            "subscription 11111111-2222-3333-4444-555555555555, by AZURE_SUBSCRIPTION_ID\n"
        ), done.stderr
        assert "subscription: is required" not in done.stderr
