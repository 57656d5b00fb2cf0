"""The user at the other end of a local connection."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.another_user import UID
from vmops.core import peers

BOTH = "::ffff:127.0.0.1"


@contextmanager
def connected(family: socket.AddressFamily, address: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Give both ends of a connection to a port of 127.0.0.1, the server's end first."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(family) as caller:
        caller.connect((address, listener.getsockname()[1]))
        called, _ = listener.accept()
        with called:
            yield called, caller


def refused(called: socket.socket) -> bool:
    return peers.refuses_tcp(called.getsockname()[1], called.getpeername()[1])


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, BOTH)])
def test_our_own_connection_is_accepted(family: socket.AddressFamily, address: str) -> None:
    """From an IPv4 and from an IPv6 socket, as gRPC uses."""
    with connected(family, address) as (called, _):
        assert not refused(called)


def test_a_closed_connection_is_refused() -> None:
    """The kernel reports user 0 for it."""
    with connected(socket.AF_INET, "127.0.0.1") as (called, caller):
        caller.sendall(b"delete it")
        caller.close()
        assert called.recv(100) == b"delete it"
        assert refused(called)


def test_an_unknown_connection_is_refused() -> None:
    """Only what the kernel knows to be ours is taken."""
    assert peers.refuses_tcp(1, 2)


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, BOTH)])
def test_without_proc_net_our_processes_are_searched(
    family: socket.AddressFamily, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ``/proc/net/tcp`` an end that no process of ours holds is taken for another's."""
    monkeypatch.setattr(peers, "_TABLES", (tmp_path / "tcp", tmp_path / "tcp6"))
    with connected(family, address) as (called, caller):
        assert not refused(called)
        caller.close()
        assert refused(called)
    assert peers.refuses_tcp(1, 2)


def test_another_users_connection_is_refused() -> None:
    """Another user is neither us nor root."""
    assert not peers.is_ours_or_roots(UID)
    assert peers.is_ours_or_roots(os.geteuid())
    assert peers.is_ours_or_roots(0)
