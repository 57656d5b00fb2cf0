"""The contract of guests, whatever their kind: a machine has a guest, or none and a reason.

A new implementation is added to `KINDS` and must pass all tests of this module.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.azure import kill_daemon
from tests.guest_machines import VERSION, VM, Machines
from tests.guests import LONG
from vmops.core.polling import NotYet, poll_until
from vmops.local import daemon, inspection
from vmops.local.guests import place

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH's clients are not installed")

KINDS = ("none", "namespaces")


@pytest.fixture(params=KINDS)
def machines(request: pytest.FixtureRequest, state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    """Give a local Azure with a kind of guests; the test is skipped with a reason if this host does not support it."""
    monkeypatch.setenv("VMOPS_LOCAL_GUESTS", "none" if request.param == "none" else "auto")
    daemon.ensure(state_dir, 0)
    told = inspection.guests(state_dir)
    if told["kind"] != request.param:
        pytest.skip(told["reason"])
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", state_dir / "id"], check=True)
    return Machines(state_dir)


def test_a_machine_and_its_guest_have_the_same_state(machines: Machines) -> None:
    """Azure's answers are the same for each kind of guest; a guest follows its machine, or there is a reason."""
    machines.make()
    seen(machines, "running", state="up", ready=True)
    for verb, power, guest in (
        ("powerOff", "stopped", {"state": "down", "why": "asked"}),
        ("start", "running", {"state": "up", "ready": True}),
        ("restart", "running", {"state": "up", "ready": True}),
        ("deallocate", "deallocated", {"state": "down", "why": "asked"}),
        ("start", "running", {"state": "up", "ready": True}),
    ):
        machines.act(verb)
        seen(machines, power, **guest)
    before = machines.azure.get("/_local/guests")
    kill_daemon(machines.state_dir)
    daemon.ensure(machines.state_dir)
    seen(machines, "running", state="up", ready=True)
    assert machines.azure.get("/_local/guests") == before  # the next daemon finds them unchanged
    machines.azure.delete(f"{VM}?{VERSION}")
    guests = place.guests_path(machines.state_dir)
    assert poll_until(lambda: True if not guests.exists() or not list(guests.iterdir()) else NotYet(0.02), timeout=LONG)
    assert machines.azure.get("/_local/guests")["guests"] == []


def seen(machines: Machines, power: str, **guest: object) -> None:
    """Check the state that Azure reports of the machine, and wait until its guest has followed."""
    assert machines.azure.power(VM) == power
    told = machines.azure.get("/_local/guests")
    assert bool(told["reason"]) is (told["kind"] == "none")
    if told["kind"] == "none":
        assert told["guests"] == []
        assert not place.are_left(machines.state_dir)
    else:
        machines.until(**guest)
