"""A fleet in a shell: dry runs, status, `scale` and `replace`."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from tests.functional.test_cli import Shell

VM = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/vmops-f1/providers/Microsoft.Compute"


def identities(azure: Azure) -> dict[str, str]:
    """Give Azure's own id of each VM, by its name."""
    found = [each for each in azure.resources() if each["type"] == "Microsoft.Compute/virtualMachines"]
    return {each["name"]: each["properties"]["vmId"] for each in found}


def made(changes: list[dict[str, Any]], operation: str) -> list[str]:
    """Name the VMs that a dry run would change."""
    found = [each["resource"] for each in changes if each["operation"] == operation]
    return sorted(each.rpartition(" ")[2] for each in found if each.startswith("VirtualMachine "))


def test_scale_and_replace_from_a_shell(azure: Azure, state_dir: Path) -> None:
    """A dry run changes nothing and prices all VMs.

    With --json the answer is one value, and the exit code tells the outcome.
    """
    shell = Shell(state_dir)
    asked = ("provision", "f1", "-p", "vmCount=2", "-p", "vmSize=Standard_D2s_v5,Standard_D4s_v5")
    places = ("-p", "location=westus2,eastus")
    before = shell.json(*asked, *places, "--dry-run")
    assert made(before["changes"], "create") == ["f1-0", "f1-1"]
    assert (before["price"]["perHour"], before["price"]["vms"]) == (0.192, 2)
    assert [(each["vmSize"], each["location"], each["verdict"]) for each in before["places"]] == [
        ("Standard_D2s_v5", "westus2", "ok"),
        ("Standard_D4s_v5", "westus2", "ok"),
        ("Standard_D2s_v5", "eastus", "ok"),
        ("Standard_D4s_v5", "eastus", "ok"),
    ]
    assert azure.writes() == []
    assert shell(*asked, *places, "--wait").returncode == 0

    had = identities(azure)
    scaled = shell("scale", "f1", "3", "--wait", "--json")
    assert scaled.returncode == 0, scaled.stderr
    answer = json.loads(scaled.stdout)
    assert (answer["status"], answer["result"]["asked"], answer["result"]["ready"]) == ("SUCCEEDED", 3, 3)
    assert {name: identities(azure)[name] for name in had} == had

    azure.post(f"{VM}/virtualMachines/f1-0/powerOff?api-version=2024-07-01", {})
    azure.delete(f"{VM}/virtualMachines/f1-2?api-version=2024-07-01")
    seen = shell("status", "f1").stdout
    (following,) = [line.strip() for line in seen.splitlines() if line.strip().startswith("next")]
    assert following.endswith("starts f1-0 and makes f1-2"), seen
    fewer = shell("scale", "f1", "2", "--dry-run")
    assert fewer.stdout.count("VirtualMachine ") == 1, fewer.stdout
    assert "delete VirtualMachine f1-2" in " ".join(fewer.stdout.split())
    assert "all 2 VMs together cost $0.192/h (made up) by the list while they run" in fewer.stderr

    had = identities(azure)
    replaced = shell("replace", "f1", "--member", "1", "--wait", "--json")
    assert (replaced.returncode, json.loads(replaced.stdout)["result"]["ready"]) == (0, 3), replaced.stderr
    now = identities(azure)
    assert (now["f1-0"], now["f1-1"] == had["f1-1"], sorted(now)) == (had["f1-0"], False, ["f1-0", "f1-1", "f1-2"])
    nobody = shell("replace", "f1", "--member", "7", "--wait", "--json")
    assert (nobody.returncode, json.loads(nobody.stdout)["failure"]["kind"]) == (1, "not_found")
    assert identities(azure) == now


@pytest.mark.parametrize("call", [("scale", "f1", "many"), ("replace", "f1")], ids=" ".join)
def test_scale_and_replace_require_their_number(state_dir: Path, call: tuple[str, ...]) -> None:
    """A call without it has no answer and no traceback."""
    done = Shell(state_dir)(*call)
    assert (done.returncode, done.stdout) == (2, "")
