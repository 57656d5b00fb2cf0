"""What vmops asks of Azure for one VM stays below what Azure allows."""

from collections import Counter
from pathlib import Path

from tests.azure import Azure
from vmops import Settings, Status, VMOps
from vmops.local import daemon
from vmops.protocol import Params


def live(ops: VMOps, params: Params) -> None:
    """Provision a VM, stop, start, restart and resize it, and take it down."""

    def deployed(is_setup: bool, params: Params) -> None:
        (ops.vm_provision if is_setup else ops.vm_deprovision)(params)
        assert ops.wait_vm_deployment(is_setup, params)[0] is Status.SUCCEEDED, ops.last_failure(params)

    deployed(True, params)
    for verb in (ops.vm_stop, ops.vm_start, ops.vm_restart):
        verb(params)
        assert ops.wait_vm_operation(params)[0] is Status.SUCCEEDED
    deployed(True, params | {"vmSize": "Standard_D2s_v5"})
    deployed(False, params)


def test_a_life_is_never_throttled(engine: Path, state_dir: Path) -> None:
    """At a pace at which Azure's minutes pass, no request of ours is one too many."""
    daemon.ensure(state_dir, 0.02)
    live(VMOps(Settings(state_dir=state_dir, owner="tester")), {"vmName": "vm"})
    assert Counter(each["status"] for each in Azure(state_dir).journal())[429] == 0


def test_a_life_costs_less_than_one_bucket(ops: VMOps, azure: Azure) -> None:
    """Were the whole life within one minute, no bucket of its VM would be empty: 12 writes of a kind, 36 reads."""
    live(ops, {"vmName": "vm"})
    asked = [each for each in azure.journal() if "/virtualMachines/" in each["path"]]
    kinds = Counter(each["method"] for each in asked)
    assert (kinds["PUT"], kinds["POST"], kinds["DELETE"]) == (2, 3, 1), kinds
    assert kinds["GET"] <= 36, kinds
