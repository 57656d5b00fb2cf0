"""Files and directories that only their owner may read."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vmops import Settings, VMOps
from vmops.core import file_lock, private
from vmops.core.errors import StoreError
from vmops.local import daemon, endpoint
from vmops.local.endpoint import Endpoint, Record


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Set a umask that lets others change files."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_new_directories_have_mode_0700(tmp_path: Path, open_umask: None) -> None:
    """Including all missing parents."""
    held = file_lock.acquire(tmp_path / "state/locks/slots/one")
    assert held is not None
    os.close(held)
    with private.open_file(tmp_path / "state/log", "ab") as log:
        log.write(b"one")
    with private.open_file(tmp_path / "state/log", "ab") as log:
        log.write(b"two")
    assert (tmp_path / "state/log").read_bytes() == b"onetwo"
    made = [tmp_path / "state", tmp_path / "state/locks", tmp_path / "state/locks/slots", tmp_path / "state/log"]
    assert [mode(path) for path in made] == [0o700, 0o700, 0o700, 0o600]


def test_a_readable_state_directory_gets_mode_0700(tmp_path: Path) -> None:
    """It belongs to this user, and nobody else could write in it."""
    tmp_path.chmod(0o755)
    VMOps(Settings(state_dir=tmp_path))
    assert mode(tmp_path) == 0o700


@pytest.mark.parametrize("bits", [0o720, 0o702, 0o777, 0o1777])
def test_a_state_directory_writable_by_others_is_refused(tmp_path: Path, bits: int) -> None:
    """Nothing is written to it."""
    tmp_path.chmod(bits)
    with pytest.raises(StoreError, match=f"other users may write in the state directory {tmp_path}.*chmod 700"):
        VMOps(Settings(state_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []
    tmp_path.chmod(0o700)
    VMOps(Settings(state_dir=tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away: run this test as root")
def test_a_state_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    """For root, too."""
    os.chown(tmp_path, 12345, 12345)
    with pytest.raises(StoreError, match=r"is uid 12345's, and this is root: .* or run this as uid 12345"):
        VMOps(Settings(state_dir=tmp_path))


def test_a_planted_endpoint_kills_no_process(tmp_path: Path) -> None:
    """A planted endpoint would have any process of ours killed by `vmops local stop`, and calls sent anywhere."""
    (tmp_path / "local").mkdir()
    endpoint.write(tmp_path, Record(Endpoint("http://127.0.0.1:1", "token", 2, os.getpid()), 0.0, 1.0))
    tmp_path.chmod(0o777)
    for call in (daemon.find, daemon.stop, daemon.ensure):
        with pytest.raises(StoreError, match="other users may write"):
            call(tmp_path)


def test_a_state_directory_is_checked_once(tmp_path: Path) -> None:
    """A verb asks for the local Azure many times a second."""
    tmp_path.chmod(0o700)
    private.trust(tmp_path)
    tmp_path.chmod(0o777)
    private.trust(tmp_path)
