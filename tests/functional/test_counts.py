"""What each verb costs: engine processes and calls to ARM, which are counted and not timed."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from vmops import Settings, Status, VMOps
from vmops.protocol import Answer, Params

WRAPPER = """#!/bin/sh
echo "$@" >> "{log}"
find "{state_dir}/backend" -name '*.pulumi-tags' | sed "s,.*/,$3 finds ," >> "{log}.files"
exec "{engine}" "$@"
"""
"""An engine that records its commands, and the tags files that it finds."""

PARAMS = {"vmName": "exp1"}


class Counted:
    """VMOps, whose engine processes and calls to ARM are counted."""

    def __init__(self, ops: VMOps, azure: Azure, log: Path) -> None:
        self.ops, self._azure, self._log = ops, azure, log

    def during(self, work: Callable[[], Any]) -> tuple[list[str], Counter[str]]:
        """Give the commands of the engine that some work needed, and its calls to ARM by their method.

        An engine that is not vmops' own is also asked for its version.
        """
        self._log.write_text("")
        before = len(self._azure.journal())
        work()
        asked = [line.removeprefix("--non-interactive ").split() for line in self._log.read_text().splitlines()]
        commands = [" ".join(words[: 2 if words[0] == "stack" else 1]) for words in asked]
        calls = Counter(each["method"] for each in self._azure.journal()[before:])
        return [each for each in commands if each != "version"], calls

    def provision(self, **changes: Any) -> None:
        """Provision, and wait for its success."""
        params: Params = {**PARAMS, **changes}
        self._see(self.ops.vm_provision(params), Status.PENDING)
        self._see(self.ops.wait_vm_deployment(True, params), Status.SUCCEEDED)

    def deprovision(self) -> None:
        """Deprovision, and wait for its success."""
        self._see(self.ops.vm_deprovision(PARAMS), Status.PENDING)
        self._see(self.ops.wait_vm_deployment(False, PARAMS), Status.SUCCEEDED)

    def _see(self, answer: Answer, status: Status) -> None:
        assert answer[0] is status, self.ops.last_failure(PARAMS)


@pytest.fixture
def counted(azure: Azure, state_dir: Path, engine: Path, tmp_path: Path) -> Counted:
    log, wrapper = tmp_path / "commands", tmp_path / "pulumi"
    wrapper.write_text(WRAPPER.format(log=log, engine=engine, state_dir=state_dir))
    wrapper.chmod(0o755)
    return Counted(VMOps(Settings(state_dir=state_dir, owner="tester", engine=str(wrapper))), azure, log)


def test_a_provision_needs_two_engines(counted: Counted) -> None:
    """One creates the stack, one makes the VM; another would cost a quarter of a second."""
    commands, calls = counted.during(counted.provision)
    assert commands == ["stack init", "up"]
    assert {method: calls[method] for method in ("PUT", "PATCH", "POST", "DELETE")} == {
        "PUT": 7,
        "PATCH": 0,
        "POST": 0,
        "DELETE": 0,
    }
    assert calls["GET"] == 23, "one of them, once in the life of a VM, is before a key is made for it"


def test_unchanged_provision_costs_two_reads(counted: Counted) -> None:
    """No engine and no process: one GET for the VM, and one for the security group."""
    counted.provision()
    again = lambda: counted.ops.vm_provision(dict(PARAMS))  # noqa: E731
    assert counted.during(again) == ([], Counter(GET=2))


def test_a_change_needs_one_engine(counted: Counted) -> None:
    """The stack exists already."""
    counted.provision()
    commands, calls = counted.during(lambda: counted.provision(vmSize="Standard_D2s_v5"))
    assert commands == ["up"]
    assert calls["DELETE"] == 0
    assert calls["GET"] == 10  # the owner of each resource is checked before the engine runs


def test_a_deprovision_needs_two_engines(counted: Counted) -> None:
    """One destroys the resources; after the group is seen to be gone, one removes the stack."""
    counted.provision()
    commands, calls = counted.during(counted.deprovision)
    assert commands == ["destroy", "stack rm"]
    assert (calls["DELETE"], calls["PUT"], calls["POST"]) == (7, 0, 0)
    assert calls["GET"] == 24  # owners before it; absence after it, by each id and list


def test_removal_does_not_read_tags_of_absent_resources(counted: Counted, state_dir: Path, tmp_path: Path) -> None:
    """The engine deletes the stack's tags file with the stack; a missing one costs it three attempts."""
    counted.provision()
    counted.deprovision()
    (stack,) = {operation.stack for operation in counted.ops.operations()}
    assert (tmp_path / "commands.files").read_text() == f"rm finds {stack}.pulumi-tags\n"
    assert list((state_dir / "backend").rglob("*.pulumi-tags*")) == []

    """No engine, no process: its group, its ids and both lists by tag are read once."""
    """No engine, no process, one GET."""
    counted.provision()
    counted.deprovision()
    again = lambda: counted.ops.vm_deprovision(dict(PARAMS))  # noqa: E731
    assert counted.during(again) == ([], Counter(GET=9))


@pytest.mark.parametrize("verb", ["vm_stop", "vm_start", "vm_restart"])
def test_a_power_verb_needs_three_calls(counted: Counted, verb: str) -> None:
    """One read for ownership, the call itself, and one poll of its end."""
    counted.provision()
    params: Params = dict(PARAMS)

    def ask_and_wait() -> None:
        assert getattr(counted.ops, verb)(params) == (Status.PENDING, {})
        assert counted.ops.wait_vm_operation(params)[0] is Status.SUCCEEDED

    assert counted.during(ask_and_wait) == ([], Counter(GET=2, POST=1))
