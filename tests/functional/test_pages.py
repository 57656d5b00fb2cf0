"""The commands of the docs do what the docs say, with one VM and one local Azure for all of them."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from tests.functional.doors import blocks
from vmops.protocol import Params

FAILS = """
from vmops import VMOps
logging.getLogger("vmops").addHandler(Failures())
VMOps().vm_stop({"vmName": "none"})
"""
"""A verb that fails in a program with the logging of the docs."""


@pytest.fixture
def shell(azure: Azure, tmp_path: Path) -> Callable[[str], str]:
    """Give a function that runs a block, whose commands must succeed, and gives the output of each.

    It is a user's shell; ``az`` and ``./benchmark.sh`` are stand-ins.
    """
    for name, script in {"az": 'test "$*" = "vm list"', "benchmark.sh": 'test -n "$VMOPS_HOST"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"

    def run(block: str) -> str:
        script = "\n".join(re.findall(r"^\$ (.*)", block, flags=re.MULTILINE)) or block
        environment = {**os.environ, "PATH": path, "VMOPS_OWNER": "tester"}
        command = ["bash", "-euc", script]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=250)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    return run


def test_the_commands_in_the_docs_succeed(
    azure: Azure, provision: Callable[[Params], dict[str, Any]], shell: Callable[[str], str], tmp_path: Path
) -> None:
    """Prices, CI, Pulumi and the local Azure, which is empty at the end."""
    provision({"vmName": "exp1"})
    (prices,) = blocks("prices.md", "console")
    assert '"verdict"' in shell(prices)
    said = shell(shlex.join([sys.executable, "-c", "\n".join([*blocks("logging.md", "python"), FAILS])]))
    assert said.startswith("none not_found: ")
    (workflow,) = blocks("ci.md", "yaml")
    for command in re.findall(r"run: (.*)", workflow):
        shell(re.sub(r"\$\{\{.*?\}\}", "7", command))

    by_hand, faults, capacity, _, policies = blocks("local-azure.md", "console")
    rules, policy = blocks("local-azure.md", "json")
    for name in ("team.json", "no-public-ips.json"):
        (tmp_path / name).write_text(policy)
    assert "created-then-504" in shell(faults)
    azure.fault(*json.loads(rules))
    assert "flaky-network" in shell("vmops local fault list; vmops local fault clear")
    assert "Standard_D4s_v5" in shell(capacity)
    assert "team" in shell(policies)

    copied, handed_over = blocks("pulumi.md", "sh")
    shell(f"{copied}\nrm -r exp1\n{handed_over.strip()} --yes")
    assert shell(by_hand)
    assert shell("vmops local resources") == "nothing\n"


def test_the_commands_in_the_docs_on_places_and_fleets_succeed(
    azure: Azure, shell: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without capacity in one location the VM is in the next. A fleet is made, changed and used as shown."""
    placed, remembered = blocks("places.md", "console")
    shell("for size in Standard_D4s_v5 Standard_D4as_v5; do vmops local capacity $size 0 --location westus2; done")
    assert shell(placed).endswith("eastus\n")
    assert "Standard_D4s_v5" in shell(remembered)
    shell("vmops deprovision exp1 --wait --yes; vmops local capacity --clear")

    made, changed = blocks("fleets.md", "console")
    provisioned, deprovisioned = made.strip().splitlines()
    shell(provisioned)
    assert "exp1-19" in shell(changed)
    shell(f"{deprovisioned} --yes")
    (held,) = blocks("fleets.md", "python")
    monkeypatch.setenv("VMOPS_OWNER", "tester")
    exec(held.replace('vm.exec(["uname", "-a"])', "assert vm.name"), {})  # nothing runs in these VMs
    assert shell("vmops local resources") == "nothing\n"


@pytest.mark.usefixtures("azure")
def test_the_timers_in_the_teardown_docs_sweep(shell: Callable[[str], str]) -> None:
    """The commands for systemd and cron are run with this host's `vmops` on the local Azure."""
    service, _ = blocks("teardown.md", "ini")
    settings = "\n".join(f"export {each}" for each in re.findall(r"^Environment=(.*)", service, re.MULTILINE))
    (command,) = re.findall(r"^ExecStart=(.*)", service, re.MULTILINE)
    (line,) = blocks("teardown.md", "crontab")
    *when, scheduled = line.split(maxsplit=5)
    assert len(when) == 5
    at_home = {
        "/opt/vmops/bin/": "",
        "VMOPS_CLOUD=public": "VMOPS_CLOUD=local",
        "%S/vmops": os.environ["VMOPS_STATE_DIR"],
    }
    for block in (f"{settings}\n{command}", f"{scheduled.strip()} --json"):
        for theirs, ours in at_home.items():
            block = block.replace(theirs, ours)
        assert json.loads(shell(block)) == {"swept": [], "unsearched": []}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze to ask")
def test_systemd_accepts_the_units_in_the_teardown_docs(tmp_path: Path) -> None:
    """It reports no error, and knows when they are due."""
    units = []
    for block in blocks("teardown.md", "ini"):
        (name,) = re.findall(r"^# /etc/systemd/system/(\S+)$", block, re.MULTILINE)
        units.append(tmp_path / name)
        units[-1].write_text(block.replace("/opt/vmops/bin/vmops", sys.executable))
    (due,) = re.findall(r"^OnCalendar=(.*)", units[1].read_text(), re.MULTILINE)
    for command in (["verify", "--man=no", *map(str, units)], ["calendar", due]):
        asked = ["systemd-analyze", *command]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
