"""Jobs, which contain secrets, pass only between processes of the same user."""

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.another_user import another_user, as_another
from tests.azure import all_of, killed
from tests.contract.test_launch import SECRET, TARGET, Launch, by_a_fork_server
from vmops.core import file_lock
from vmops.core.polling import NotYet, poll_until
from vmops.core.settings import Settings
from vmops.core.state_dir import lock_path, log_path, socket_path
from vmops.jobs import start
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.order import JobMessage, JobRequest


@pytest.fixture
def stage(state_dir: Path) -> Iterator[Launch]:
    """Give a state directory in which a removal pauses after reading its job."""
    held = file_lock.acquire(lock_path(state_dir, TARGET.stack))
    assert held is not None
    yield Launch(by_a_fork_server(state_dir))
    poll_until(lambda: NotYet(0.01) if killed(all_of(state_dir)) else True, timeout=60)
    os.close(held)


@pytest.fixture
def open_place() -> Iterator[Path]:
    """Give a directory that everybody can write to."""
    with tempfile.TemporaryDirectory(prefix="vmops-test-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def listen(place: Path) -> bytes:
    """Act as a fork server, and give everything that the first caller sends."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "draft"))
        (place / "draft").chmod(0o777)
        listener.listen()
        (place / "draft").rename(place / "ready")
        connection, _ = listener.accept()
        with connection:
            return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_no_job_is_sent_to_another_users_socket(stage: Launch, state_dir: Path, open_place: Path) -> None:
    """A socket may be left from a time when others could write there; our fork server replaces it."""
    door = socket_path(state_dir, start._code_version(Settings()))
    door.parent.mkdir()
    with another_user() as submit:
        heard = submit(listen, open_place)
        assert poll_until(lambda: (open_place / "ready").exists() or heard.done() or NotYet(0.01), timeout=240)
        (open_place / "ready").rename(door)
        stage.begin(adminPasswordOrKey=SECRET)
        assert heard.result(timeout=240) == b""
    assert stage.worker().is_running()
    assert door.stat().st_uid == os.geteuid()


HERS = Operation(
    *("hers", Verb.PROVISION, "exp2-stack", "local", TARGET.subscription, TARGET.resource_group, TARGET.vm_name, "ada")
)


def order(door: str, lock: str) -> None:
    """Send a job to a fork server, with a lock, and wait until it was read or refused."""
    held = os.open(lock, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    with socket.socket(socket.AF_UNIX) as connection, suppress(BrokenPipeError, ConnectionResetError):
        connection.connect(door)
        wire = JobRequest(TARGET.to_wire(), "", None, 60.0, False).to_wire()
        JobMessage(HERS, 0, {}, wire, held).send(connection)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
    os.close(held)


def test_no_job_is_accepted_from_another_user(stage: Launch, state_dir: Path) -> None:
    """A user who can reach the socket, because of a changed mode of the directory, cannot start a job."""
    stage.begin()
    stage.worker()
    door = socket_path(state_dir, start._code_version(Settings()))
    door.parent.chmod(0o711)
    door.chmod(0o666)
    lock = door.with_name("lock")
    lock.touch()
    lock.chmod(0o666)
    assert stage.store.insert(HERS)
    log_path(state_dir, HERS.stack, HERS.id).parent.mkdir()
    as_another(order, door.name, lock.name, within=door.parent)
    assert poll_until(lambda: NotYet(0.02) if file_lock.is_locked(lock) else True, timeout=240)
    found = stage.store.get(HERS.id)
    assert found
    assert found.state is State.PENDING
