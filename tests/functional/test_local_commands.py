"""``vmops local``: its output for people and scripts."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.azure import Azure
from vmops.cli.commands.local import app
from vmops.core.errors import SpecError
from vmops.local import daemon

NO_GUESTS = {
    "kind": "none",
    "running": 0,
    "reason": "guests are off: turn them on with `vmops local start --guests auto`",
}
GROUP = f"/subscriptions/{'0' * 8}-0000-0000-0000-{'0' * 12}/resourceGroups/g"


def vmops_local(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=answer)


def printed(*arguments: str) -> Any:
    result = vmops_local(*arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_local_start_prints_the_address(state_dir: Path) -> None:
    """JSON has the endpoint with its token; text has a line without it."""
    told = printed("start", "--json")
    found = daemon.find(state_dir)
    assert found is not None
    assert told == {"arm": found.arm, "token": found.token, "provider": found.provider, "pid": found.pid}
    line = vmops_local("start").stdout
    assert line == f"running: ARM at {found.arm}, provider at port {found.provider}, process {found.pid}\n"


def test_local_status_does_not_start_it(state_dir: Path) -> None:
    """It stays stopped."""
    assert printed("status", "--json") == {"running": False}
    assert vmops_local("status").stdout == "not running\n"
    found = daemon.ensure(state_dir)
    expected = {"running": True, "arm": found.arm, "provider": found.provider, "pid": found.pid, "guests": NO_GUESTS}
    assert printed("status", "--json") == expected


def test_local_stop_reports_whether_it_was_running(state_dir: Path) -> None:
    """The exit code is 0 either way."""
    daemon.ensure(state_dir)
    assert [vmops_local("stop").stdout for _ in range(2)] == ["stopped\n", "it was not running\n"]
    assert json.loads(vmops_local("stop", "--json").stdout) == {"stopped": False}


@pytest.mark.parametrize("what", ["resources", "journal"])
def test_local_lists_are_empty_without_state(state_dir: Path, what: str) -> None:
    """Without a state nothing is started."""
    assert printed(what, "--json") == []
    assert daemon.find(state_dir) is None


def test_local_resources_starts_the_daemon(state_dir: Path) -> None:
    """It lists the resources of a stopped local Azure."""
    daemon.ensure(state_dir)
    Azure(state_dir).put(f"{GROUP}?api-version=2024-03-01", {"location": "westus2"})
    daemon.stop(state_dir)
    assert [each["id"] for each in printed("resources", "--json")] == [GROUP]
    table = vmops_local("resources").stdout.splitlines()
    assert [line.split() for line in table] == [
        ["TYPE", "NAME", "LOCATION", "ID"],
        ["Microsoft.Resources/resourceGroups", "g", "westus2", GROUP],
    ]


def test_local_journal_lists_every_request(state_dir: Path) -> None:
    """Each row has method, path and status."""
    daemon.ensure(state_dir)
    Azure(state_dir).put(f"{GROUP}?api-version=2024-03-01", {"location": "westus2"})
    (told,) = printed("journal", "--json")
    assert (told["method"], told["path"], told["status"]) == ("PUT", GROUP, 201)


def test_local_reset_asks_first(state_dir: Path) -> None:
    """The question has the number of resources, and a no keeps them."""
    daemon.ensure(state_dir)
    azure = Azure(state_dir)
    azure.put(f"{GROUP}?api-version=2024-03-01", {"location": "westus2"})
    refused = vmops_local("reset", answer="n\n")
    assert "Delete 1 resource of the local Azure?" in refused.output
    assert (refused.exit_code, azure.ids()) == (1, {GROUP})
    assert vmops_local("reset", "--yes").stdout == "1 resource deleted\n"
    assert azure.ids() == set()


def test_a_negative_pace_is_a_wrong_call() -> None:
    """The exit code is 2."""
    assert vmops_local("start", "--pace", "-1").exit_code == 2


def test_local_capacity_puts_lists_and_clears_limits(state_dir: Path) -> None:
    """A size without a place applies everywhere. A limit replaces an equal one in any spelling."""
    assert vmops_local("capacity").stdout == "no limits\n"
    assert vmops_local("capacity", "--clear").stdout == "no limits\n"
    assert daemon.find(state_dir) is None
    everywhere = {"size": "Standard_D4s_v5", "location": None, "zone": None, "priority": None}
    assert printed("capacity", "standard_d4s_v5", "0", "--json") == [{**everywhere, "left": 0}]
    there = {**everywhere, "location": "westus2", "zone": "1", "priority": "Spot"}
    where = ("--location", "West US 2", "--zone", "1", "--priority", "Spot")
    assert printed("capacity", "Standard_D4s_v5", "3", *where, "--json")[1:] == [{**there, "left": 3}]
    vmops_local("capacity", "Standard_D4s_v5", "2", "--location", "westus2", "--zone", "1", "--priority", "Spot")
    assert [line.split() for line in vmops_local("capacity").stdout.splitlines()] == [
        ["SIZE", "LOCATION", "ZONE", "PRIORITY", "LEFT"],
        ["Standard_D4s_v5", "any", "any", "any", "0"],
        ["Standard_D4s_v5", "westus2", "1", "Spot", "2"],
    ]
    assert printed("capacity", "Standard_B2s", "1", "--clear", "--json") == [
        {**everywhere, "size": "Standard_B2s", "left": 1}
    ]
    assert vmops_local("capacity", "--clear").stdout == "no limits\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("Standard_B2s",), "SIZE and LEFT: both are needed"),
        (("--zone", "1"), "SIZE and LEFT: both are needed"),
        (("Standard_Nope", "1"), "0.size: 'Standard_Nope' is wrong: there is no such size"),
    ],
)
@pytest.mark.usefixtures("state_dir")
def test_local_capacity_refuses_invalid_limits(arguments: tuple[str, ...], words: str) -> None:
    """The error names what is missing or unknown."""
    result = vmops_local("capacity", *arguments)
    assert isinstance(result.exception, SpecError)
    assert words in str(result.exception)
