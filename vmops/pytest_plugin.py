"""pytest fixtures that give a test a VM: ``azure_vm``, and ``azure_vm_factory`` for several.

Nothing of vmops is imported before a test asks for a VM.
"""

import json
import os
import re
import secrets
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from vmops.leases.machine import Machine

Factory = Callable[..., "Machine"]

_PARAMS, _SCOPE = "azure_vm_params", "azure_vm_scope"
_SCOPES = ("function", "session")
_WORKER = "PYTEST_XDIST_WORKER"
_TTL = "4h"
"""Default time to live of a VM, after which the sweep removes the VM of a killed session."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings."""
    parser.addini(_PARAMS, "parameters of the VMs of azure_vm, a NAME=VALUE a line", type="linelist")
    parser.addini(_SCOPE, f"how long the VM of azure_vm lives: {' or '.join(_SCOPES)}", default=_SCOPES[0])


def pytest_configure(config: pytest.Config) -> None:
    """Add the marker."""
    described = "azure_vm(scope=..., **params): how long the VM of azure_vm lives, and parameters of it"
    config.addinivalue_line("markers", described)


@pytest.fixture
def azure_vm(request: pytest.FixtureRequest) -> "Machine":
    """Give a running VM: one for the test, or with scope ``session`` one for all tests with the same parameters."""
    params = _marked(request)
    scope = params.pop("scope", request.config.getini(_SCOPE))
    if scope not in _SCOPES:
        raise pytest.UsageError(f"azure_vm: scope {scope!r} is not {' or '.join(_SCOPES)}")
    make: Factory = request.getfixturevalue("azure_vm_factory" if scope == "function" else "_azure_vm_shared")
    return make(**params)


@pytest.fixture
def azure_vms(request: pytest.FixtureRequest, _azure_vm_ending: None) -> "Iterator[list[Machine]]":
    """Give the VMs of a fleet, which live until the end of the test; ``vmCount`` of the marker is their number."""
    params = {"vmCount": 1, **_marked(request)}
    params.pop("scope", None)
    with ExitStack() as held:
        yield _held(request, params, held)


@pytest.fixture
def azure_vm_factory(request: pytest.FixtureRequest, _azure_vm_ending: None) -> Iterator[Factory]:
    """Give a function that makes a VM from parameters; each VM lives until the end of the test."""
    with ExitStack() as held:
        yield lambda **params: _made(request, params, held)


@pytest.fixture(scope="session")
def _azure_vm_shared(request: pytest.FixtureRequest, _azure_vm_ending: None) -> Iterator[Factory]:
    """Give a function that makes one VM for each set of parameters; each lives until the end of the session."""
    made: dict[str, Machine] = {}
    with ExitStack() as held:

        def shared(**params: Any) -> "Machine":
            key = json.dumps(params, sort_keys=True, default=str)
            if key not in made:
                made[key] = _made(request, params, held)
            return made[key]

        yield shared


@pytest.fixture(scope="session")
def _azure_vm_ending() -> Iterator[None]:
    """Make a signal that would kill pytest interrupt it, as Ctrl-C does, so that fixtures are torn down."""
    from vmops.core.signals import Unwinding

    _exit_with_controller()
    with Unwinding(signal.default_int_handler):
        yield


def _exit_with_controller() -> None:
    """Make a worker of pytest-xdist exit when its controller is gone, even if its shell ignores SIGINT.

    Source: execnet, gateway_base: a worker whose controller is gone sends itself SIGINT, and is gone 10 seconds later.
    """
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored and _WORKER in os.environ and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Give the parameters of a test's markers; the nearest marker takes precedence."""
    markers = reversed(list(request.node.iter_markers("azure_vm")))
    return {name: value for marker in markers for name, value in marker.kwargs.items()}


def _made(request: pytest.FixtureRequest, params: Mapping[str, Any], held: ExitStack) -> "Machine":
    if params.get("vmCount") is not None:
        raise pytest.UsageError("azure_vm is one VM: use the fixture azure_vms for vmCount")
    return _held(request, params, held)[0]


def _held(request: pytest.FixtureRequest, params: Mapping[str, Any], held: ExitStack) -> "list[Machine]":
    from vmops.core.holder import Kind
    from vmops.leases.context import hold_all
    from vmops.spec.parameters import read_params

    given = {"ttl": _TTL, **read_params(None, None, request.config.getini(_PARAMS)), **params}
    params = {**given, "vmName": _name(given.get("vmName"), request.node.name)}
    return held.enter_context(hold_all(Kind.PYTEST, [params]))


def _name(given: str | None, node: str) -> str:
    """Name a VM uniquely among the workers of pytest-xdist and, if no name is given, among all sessions.

    Source: pytest-xdist documentation, identifying the worker process during a test.
    """
    worker = os.environ.get(_WORKER, "")
    word = given or f"{re.sub('[^a-z0-9]+', '-', node.lower()).strip('-')[:32] or 'session'}-{secrets.token_hex(4)}"
    return f"{word}-{worker}" if worker else word
