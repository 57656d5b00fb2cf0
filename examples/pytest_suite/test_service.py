"""Test something on VMs: `pytest` in this directory. pytest.ini says what kind of VM the tests get."""

import pytest

import vmops


@pytest.fixture
def server(azure_vm: vmops.Machine) -> vmops.Machine:
    """Give the VM that all tests of the session share, with the service on it."""
    return azure_vm  # install your service here


def test_the_service_survives_a_restart(server: vmops.Machine) -> None:
    """The VM runs again, and keeps its address."""
    address = server.host
    server.restart()
    assert (server.refresh(), server.host) == ("running", address)


def test_the_service_is_told_of_a_shutdown(server: vmops.Machine) -> None:
    """The VM can be stopped in the middle of a test; the next test finds it running again."""
    server.stop()
    assert server.refresh() == "stopped"
    server.start()
