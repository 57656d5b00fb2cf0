"""The contract with mlos_bench."""

import inspect
from pathlib import Path

import pytest

from vmops import VMOps
from vmops.core.settings import Settings
from vmops.protocol import Status, SupportsVMOps

METHODS = (
    "vm_provision",
    "wait_vm_deployment",
    "vm_start",
    "vm_stop",
    "vm_restart",
    "vm_deprovision",
    "wait_vm_operation",
)


def test_status_has_the_names_and_values_of_mlos_bench() -> None:
    """A program that stores or compares the numbers must read the same ones from both."""
    assert {status.name: status.value for status in Status} == {
        "UNKNOWN": 0,
        "PENDING": 1,
        "READY": 2,
        "RUNNING": 3,
        "SUCCEEDED": 4,
        "CANCELED": 5,
        "FAILED": 6,
        "TIMED_OUT": 7,
    }


@pytest.mark.parametrize(
    ("predicate", "holds"),
    [
        ("is_good", {"PENDING", "READY", "RUNNING", "SUCCEEDED"}),
        ("is_completed", {"SUCCEEDED", "CANCELED", "FAILED", "TIMED_OUT"}),
        ("is_pending", {"PENDING"}),
        ("is_ready", {"READY"}),
        ("is_succeeded", {"SUCCEEDED"}),
        ("is_failed", {"FAILED"}),
        ("is_canceled", {"CANCELED"}),
        ("is_timed_out", {"TIMED_OUT"}),
    ],
)
def test_each_predicate_holds_for_exactly_its_statuses(predicate: str, holds: set[str]) -> None:
    """Callers branch on these: a status in the wrong set is a VM that is used too early, or never."""
    assert {status.name for status in Status if getattr(status, predicate)()} == holds


def test_the_contract_has_seven_methods() -> None:
    """An eighth would shut out every implementation that others have written."""
    assert {name for name in vars(SupportsVMOps) if not name.startswith("_")} == set(METHODS)


def test_any_object_with_the_seven_methods_supports_the_contract() -> None:
    """It need not inherit from vmops."""
    stranger = type("Stranger", (), {name: lambda *_: (Status.SUCCEEDED, {}) for name in METHODS})
    assert isinstance(stranger(), SupportsVMOps)


@pytest.mark.parametrize("missing", METHODS)
def test_an_object_without_one_method_does_not_support_the_contract(missing: str) -> None:
    """A service is checked before its use, so that no call fails in the middle of an experiment."""
    nearly = type("Nearly", (), {name: lambda *_: (Status.SUCCEEDED, {}) for name in METHODS if name != missing})
    assert not isinstance(nearly(), SupportsVMOps)


def test_vmops_methods_accept_the_contracts_parameters(tmp_path: Path) -> None:
    """A runtime check compares only names. Additional parameters have defaults."""
    assert isinstance(VMOps(Settings(state_dir=tmp_path)), SupportsVMOps)
    for name in METHODS:
        asked = list(inspect.signature(getattr(SupportsVMOps, name)).parameters.values())
        taken = list(inspect.signature(getattr(VMOps, name)).parameters.values())
        assert taken[: len(asked)] == asked
        assert [more.name for more in taken[len(asked) :] if more.default is more.empty] == []
