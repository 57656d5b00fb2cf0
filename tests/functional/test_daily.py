"""Daily use: lists, history, several VMs per call, and parameters of earlier requests.

All tests use two VMs, d1 and d2, and leave them unchanged.
"""

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import vmops
from tests.azure import Azure
from tests.functional.test_cli import VMOPS, Shell
from tests.terminal import plain, shown
from vmops import Settings
from vmops.local import daemon


@pytest.fixture(scope="module")
def lab(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Give a shell whose local Azure has d1 and d2."""
    state_dir = tmp_path_factory.mktemp("daily")
    daemon.ensure(state_dir, 0)
    shell = Shell(state_dir)
    done = shell("create", "d1", "d2", "-p", "ttl=2h", "-p", "vmPorts=22,443", "-p", "dataDisks=4,8", "--wait")
    assert done.returncode == 0, done.stderr
    yield shell
    daemon.stop(state_dir)


@pytest.fixture
def azure(lab: Shell) -> Iterator[Azure]:
    """Give that local Azure; its faults are cleared afterwards."""
    yield lab.azure
    lab.azure.let_go()


def at_a_terminal(lab: Shell, *arguments: str, width: int, **variables: str) -> str:
    """Give what a call prints at a terminal of a width."""
    controller, terminal = pty.openpty()
    environment = {**lab.environment, "COLUMNS": str(width), "TERM": "xterm-256color", **variables}
    with subprocess.Popen(
        [VMOPS, *arguments], stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    ) as call:
        os.close(terminal)
        seen = shown(controller)
    assert call.returncode == 0, seen
    return seen


def test_list_costs_four_requests(lab: Shell, azure: Azure) -> None:
    """The number of VMs does not matter, and each row is complete."""
    before = len(azure.journal())
    found = lab.json("list")
    asked = [each["path"].rpartition("/")[2] for each in azure.journal()[before:] if "/_local/" not in each["path"]]
    assert sorted(asked) == ["networkInterfaces", "publicIPAddresses", "virtualMachines", "virtualMachines"]
    assert found["live"] is True
    d1, d2 = found["vms"]
    assert {name: d1[name] for name in ("vmName", "resourceGroup", "location", "vmSize", "priority", "owner")} == {
        "vmName": "d1",
        "resourceGroup": "vmops-d1",
        "location": "westus2",
        "vmSize": "Standard_B2s",
        "priority": "Regular",
        "owner": "tester",
    }
    assert (d1["power"], d1["standing"], d1["privateIp"], d1["portal"]) == ("running", "provisioned", "10.0.0.4", None)
    assert {d1["publicIp"], d2["publicIp"]} == {"203.0.113.1", "203.0.113.2"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", d1["expiresAt"])
    assert d1["expires"] - d1["created"] > 7000


def test_list_is_equal_on_a_host_without_records(lab: Shell, tmp_path: Path) -> None:
    """Tags identify the VMs and their owner. Another owner sees only his own, with --all-owners all."""
    (tmp_path / "there").mkdir(mode=0o700)
    (tmp_path / "there" / "local").symlink_to(lab.state_dir / "local")
    there = Shell(tmp_path / "there")
    facts = ("vmName", "power", "standing", "publicIp", "owner")
    mine = [[each[name] for name in facts] for each in lab.json("list")["vms"]]
    assert [[each[name] for name in facts] for each in there.json("list")["vms"]] == mine
    hers = json.loads(there("list", "--json", owner="grace").stdout)
    assert hers == {"live": True, "vms": []}
    assert there("list", owner="grace").stderr == "no VMs are known\n"
    everybody = json.loads(there("list", "--all-owners", "--json", owner="grace").stdout)
    assert [each["vmName"] for each in everybody["vms"]] == ["d1", "d2"]


def test_list_without_azure_shows_the_records(lab: Shell, azure: Azure) -> None:
    """It warns, and exits with 0."""
    azure.fault(
        {
            "path": "*/virtualMachines",
            "verbs": ["read"],
            "effect": {"do": "refuse", "code": "ExpiredAuthenticationToken"},
        }
    )
    done = lab("list", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["live"]) == (0, False)
    assert [(each["vmName"], each["power"], each["standing"]) for each in found["vms"]] == [
        ("d1", None, "provisioned"),
        ("d2", None, "provisioned"),
    ]
    assert done.stderr.startswith("warning: Azure did not answer, so the list is from this host's records: auth:")


@pytest.mark.parametrize("width", [80, 120])
def test_status_and_list_fit_a_terminal(lab: Shell, width: int) -> None:
    """No value is cut at any width; NO_COLOR disables colours."""
    listed = at_a_terminal(lab, "ls", width=width)
    assert "\x1b[" in listed
    assert plain(listed).splitlines()[:2] == lab("list").stdout.splitlines()[:2] or "AGE" in listed
    without = at_a_terminal(lab, "status", "d1", width=width, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", without)
    assert plain(without).startswith("d1: provisioned, running\n  asked    provision by tester, ")
    told = plain(at_a_terminal(lab, "params", "d1", width=width)).splitlines()
    assert told[0] == "vmName = d1 text"
    assert all(len(line) <= width for line in told)
    head, *bars = plain(at_a_terminal(lab, "timeline", "d1", width=width)).splitlines()
    assert re.fullmatch(r"d1: provision succeeded, .+ s", head)
    assert all(len(line) <= width for line in bars)
    assert re.match(r"  waits in the queue +\d+\.\d s  █", bars[0])
    assert any(re.match(r"  VirtualMachine d1 create +\d+\.\d s +█", line) for line in bars)


def test_a_list_can_be_watched_at_a_terminal_only(lab: Shell) -> None:
    """Ctrl-C ends it; in a pipe --watch is refused."""
    done = lab("list", "--watch")
    assert (done.returncode, done.stdout) == (2, "")
    assert "it needs a terminal" in done.stderr
    controller, terminal = pty.openpty()
    with lab.start("list", "--watch", stdin=terminal, stdout=terminal, stderr=subprocess.DEVNULL) as watching:
        os.close(terminal)
        seen = ""
        while "d2 " not in seen:
            seen += plain(os.read(controller, 65536).decode(errors="replace"))
        watching.send_signal(2)
        while watching.poll() is None:
            try:
                os.read(controller, 65536)
            except OSError:
                watching.wait()
    os.close(controller)
    assert watching.returncode == 130


def test_history_timeline_and_logs_show_past_deployments(lab: Shell) -> None:
    """They show every deployment, its timeline, and its worker's log."""
    (made,) = lab.json("history", "d1")
    assert (made["verb"], made["state"], made["failure"]) == ("provision", "succeeded", None)
    assert made["createdAt"] < made["expiresAt"]
    assert lab("history").stdout.startswith("NAME  VERB       STATE      ASKED")
    spans = lab.json("timeline", "d1")["spans"]
    assert [each["kind"] for each in spans] == ["queue", "survey", *["resource"] * 7, "checks"]
    assert {each["state"] for each in spans} == {"done"}
    events = lab.json("logs", "d1")
    assert events[-1]["event"] == "ended"
    followed = lab("logs", "d1", "-f", "--json").stdout.splitlines()
    assert [json.loads(line) for line in followed] == events
    assert re.search(r"Z resource_done  resource=VirtualMachine d1  operation=create", lab("logs", "d1").stdout)
    assert lab("logs", "nobody").stderr == "error: not_found: this host has no record of a deployment of nobody; " + (
        "provision the VM first, or correct the name\n"
    )


def test_a_verb_accepts_several_names(lab: Shell) -> None:
    """Answers are in order, one array as JSON. The exit code is the worst, and a failure does not stop the others."""
    found = lab.json("status", "d2", "d1")
    assert [each["vmName"] for each in found] == ["d2", "d1"]
    done = lab("restart", "d1", "none", "d2", "--wait", "--json")
    assert done.returncode == 1
    assert [each["status"] for each in json.loads(done.stdout)] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    read = lab("wait", "d1", "d2").stdout.splitlines()
    assert (read[0], read[1][:9]) == ("d1:", "SUCCEEDED")
    assert "d2:" in read
    wrong = lab("stop", "d1", "no/name")
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_mine_selects_all_vms_of_the_owner(lab: Shell, azure: Azure) -> None:
    """Without an answer nothing is done; --yes consents."""
    before = azure.writes()
    done = subprocess.run(
        [VMOPS, "stop", "--mine"], input="n\n", capture_output=True, text=True, env=lab.environment, timeout=60
    )
    assert done.returncode == 1
    assert "stop d1, d2? [y/N]" in done.stderr
    assert azure.writes() == before
    assert [each["status"] for each in lab.json("restart", "--mine", "--yes", "--wait")] == ["SUCCEEDED"] * 2
    assert lab("restart", "d1", "--mine").returncode == 2


def test_params_lists_all_parameters(lab: Shell) -> None:
    """With a VM, it shows the values of its last request. Each parameter names its setting."""
    described = {each["name"]: each for each in lab.json("params")}
    assert described["vmSize"]["default"] == "Standard_B2s"
    assert described["location"]["setting"] == "VMOPS_LOCATION"
    assert described["customData"]["secret"] is True
    of_d1 = {each["name"]: each["value"] for each in lab.json("params", "d1")}
    assert (of_d1["vmPorts"], of_d1["ttl"], of_d1["dataDisks"]) == ([22, 443], 7200.0, [4, 8])
    assert "vmSize" in lab("provision", "--help").stdout
    unknown = lab("params", "nobody")
    assert (unknown.returncode, unknown.stdout) == (1, "")


def test_show_params_writes_a_file_that_params_reads(lab: Shell, tmp_path: Path) -> None:
    """A provision with the file has nothing to do."""
    shown = lab("show", "d1", "--params")
    assert yaml.safe_load(shown.stdout) == lab.json("show", "d1", "--params")
    (tmp_path / "d1.yaml").write_text(shown.stdout)
    again = lab("provision", "--params", str(tmp_path / "d1.yaml"), "--dry-run", "--json")
    assert json.loads(again.stdout)["changes"] == []


def test_set_changes_only_the_given_parameter(lab: Shell, azure: Azure) -> None:
    """--unset restores a default, also one that needs no deployment. An unknown name is refused."""
    assert lab.json("set", "d2", "location=westus2", "tags=team=a", "--wait")["status"] == "SUCCEEDED"
    assert lab.json("show", "d2", "--params")["vmPorts"] == [22, 443]
    assert lab.json("set", "d2", "--unset", "tags", "--wait")["status"] == "SUCCEEDED"
    assert "tags" not in lab.json("show", "d2", "--params")
    assert lab.json("set", "d2", "--unset", "ttl")["status"] == "SUCCEEDED"
    assert [each["expires"] for each in lab.json("list", "d2")["vms"]] == [None]
    assert "ttl" not in lab.json("show", "d2", "--params")
    assert lab.json("set", "d2", "ttl=3h")["status"] == lab.json("provision", "d2", "--same")["status"] == "SUCCEEDED"
    assert lab.json("show", "d2", "--params")["ttl"] == 10800
    for wrong in (["region=eastus"], ["--unset", "region"]):
        done = lab("set", "d2", *wrong)
        assert (done.returncode, done.stderr) == (2, "error: region: no such parameter; did you mean location?\n")


def test_dry_run_shows_old_and_new_values(lab: Shell) -> None:
    """It shows every value, what is detached, removed or lost; a replacement is red at a terminal."""
    changes = ("dataDisks=16", "vmPorts=22", "customData=#!/bin/sh", "adminUsername=mia")
    shown = at_a_terminal(lab, "set", "d1", *changes, "--dry-run", width=120)
    assert re.search(r"\x1b\[31mreplace  VirtualMachine d1\x1b\[0m", shown)
    told = plain(shown)
    for line in (
        "storageProfile.dataDisks[0].diskSizeGB: 4 → 16",
        "storageProfile.dataDisks[1]: d1-data-1 (8 GB) → detached, and still paid for",
        "securityRules.tcp-443: open → nothing",
        "osProfile.adminUsername: mlos → mia",
        "osProfile.customData: (secret) → (secret)",
        "warning: VirtualMachine d1 is replaced, and loses d1-osdisk, d1-data-0",
    ):
        assert line in told
    assert "/bin/sh" not in told


def test_get_prints_the_result_again(lab: Shell) -> None:
    """It prints one value or all. In Python, `vmops.get` gives a machine that it does not hold."""
    waited = lab.json("wait", "d1")["result"]
    assert lab.json("get", "d1") == waited
    assert lab("get", "d1", "publicIp").stdout == f"{waited['publicIp']}\n"
    assert lab("get", "d1", "colour").returncode == 2
    assert lab("get", "nobody").returncode == 1
    machine = vmops.get("d1", settings=Settings(state_dir=lab.state_dir, owner="tester"))
    assert (machine.host, machine.refresh()) == (waited["publicIp"], "running")
    with pytest.raises(vmops.ProvisionError, match="nobody: not_found"):
        vmops.get("nobody", settings=machine.ops.settings)


def test_a_refused_call_does_not_change_the_standing(lab: Shell) -> None:
    """Status says that the VM runs, and shows why the call was refused."""
    refused = lab("provision", "d2", "--same", "-p", "location=eastus", "--wait")
    assert refused.returncode == 1
    told = lab("status", "d2").stdout
    assert told.startswith("d2: provisioned, running\n")
    assert "location: the VM has westus2 and cannot be changed to eastus" in told
    assert {each["standing"] for each in lab.json("list")["vms"]} == {"provisioned"}


def test_check_reports_every_requirement(lab: Shell) -> None:
    """The exit code is 1 if one fails, and each line has a remedy."""
    found: dict[str, Any] = lab.json("check")
    assert found["ok"] is True
    told = {each["what"]: each["ok"] for each in found["checks"]}
    assert told == {
        **dict.fromkeys(("state directory", "engine", "login", "subscription", "clock"), True),
        **dict.fromkeys(("Microsoft.Compute", "Microsoft.Network"), True),
        "guests": None,
    }
    done = lab("check", engine="/nonexistent")
    assert done.returncode == 1
    assert re.search(r"^✗ engine .*VMOPS_ENGINE is '/nonexistent'", done.stdout, re.MULTILINE)
