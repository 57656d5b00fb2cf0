"""VMs that are held in a thread other than the main one, where no signal handler can be set."""

import logging
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import vmops
from tests.azure import Azure
from tests.functional.doors import names
from vmops import Machine, VMOps
from vmops.core.times import parse_utc
from vmops.leases import context
from vmops.protocol import Params
from vmops.spec.names import EXPIRES_TAG

HOUR = 3600.0


@pytest.fixture(autouse=True)
def unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "_WARNED", threading.Lock())


def lifetime(azure: Azure, vm: Machine) -> float | None:
    """Give the hours that a VM has left, by its tag; None for no limit."""
    until = azure.vm(vm.id)["tags"].get(EXPIRES_TAG)
    return (parse_utc(until) - time.time()) / HOUR if until else None


def held(ops: VMOps, azure: Azure, params: Params) -> float | None:
    with vmops.machine(params, settings=ops.settings) as vm:
        return lifetime(azure, vm)


def test_a_vm_held_in_a_thread_gets_a_ttl_of_a_day(ops: VMOps, azure: Azure, caplog: pytest.LogCaptureFixture) -> None:
    """SIGTERM ends such a process at once. It is warned once, and its own ttl is kept."""
    wanted: list[Params] = [{"vmName": "exp1"}, {"vmName": "exp2"}, {"vmName": "exp3", "ttl": "2h"}]
    with caplog.at_level(logging.WARNING, "vmops"), ThreadPoolExecutor(3) as threads:
        one, two, own = threads.map(lambda params: held(ops, azure, params), wanted)
    assert one
    assert two
    assert own
    assert 20 < one <= 24
    assert 20 < two <= 24
    assert own <= 2
    said = [record.getMessage() for record in caplog.records if "outside of the main thread" in record.getMessage()]
    assert len(said) == 1
    assert "gets a ttl of 24h" in said[0]
    assert names(azure) == []


def test_a_program_that_handles_signals_gets_no_default_ttl(
    ops: VMOps, azure: Azure, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A program that handles SIGTERM removes its VMs itself."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with caplog.at_level(logging.WARNING, "vmops"), ThreadPoolExecutor(1) as threads:
            assert threads.submit(held, ops, azure, {"vmName": "exp1"}).result() is None
    finally:
        signal.signal(signal.SIGTERM, before)
    assert caplog.records == []
