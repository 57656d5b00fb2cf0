"""The local Azure's process: one per state directory, found at once, replaced after its death, gone after a stop."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import requests

from tests.azure import kept_ports, kill_daemon
from vmops.core import file_lock, processes
from vmops.core.errors import VmopsError
from vmops.core.polling import NotYet, poll_until
from vmops.local import daemon, endpoint
from vmops.local.daemon import Endpoint

ENSURE = (
    "import sys; from pathlib import Path; from vmops.local import daemon; print(daemon.ensure(Path(sys.argv[1])).pid)"
)


def status(found: Endpoint, path: str = "/_local/health", token: str | None = None) -> int:
    headers = {"Authorization": f"Bearer {found.token if token is None else token}"}
    return requests.get(found.arm + path, headers=headers, timeout=60).status_code


def both(state_dir: Path) -> list[psutil.Process]:
    """Give the daemon's process and its provider's."""
    record = endpoint.read(state_dir)
    assert record is not None
    return [psutil.Process(record.endpoint.pid), psutil.Process(record.provider_pid)]


def without_pid(found: Endpoint) -> Endpoint:
    return replace(found, pid=0)


def test_daemon_accepts_its_token(state_dir: Path) -> None:
    """When ensure returns, both ports answer, on the loopback interface only."""
    found = daemon.ensure(state_dir)
    assert (status(found), status(found, token="other")) == (200, 401)
    with socket.create_connection(("127.0.0.1", found.provider), timeout=60):
        pass
    ports = {int(found.arm.rpartition(":")[2]), found.provider}
    connections = [each for process in both(state_dir) for each in process.net_connections("tcp")]
    listening = [each.laddr for each in connections if each.status == "LISTEN"]
    assert {(each.ip.removeprefix("::ffff:"), each.port) for each in listening} == {("127.0.0.1", p) for p in ports}


def test_daemon_find_does_not_start_it(state_dir: Path) -> None:
    """find gives what ensure gave, and starts nothing."""
    assert daemon.find(state_dir) is None
    assert not (state_dir / "local").exists()
    found = daemon.ensure(state_dir)
    assert daemon.find(state_dir) == daemon.ensure(state_dir) == found


def test_concurrent_callers_share_one_daemon(state_dir: Path) -> None:
    """Processes and threads that call at the same moment get the same daemon."""
    command = [sys.executable, "-c", ENSURE, str(state_dir)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        pids = {found.pid for found in pool.map(lambda _: daemon.ensure(state_dir), range(8))}
    pids |= {int(process.communicate(timeout=120)[0]) for process in processes}
    assert len(pids) == 1
    assert [each.pid for each in daemons(state_dir)] == [*pids]


def daemons(state_dir: Path) -> list[psutil.Process]:
    """Find every daemon of a state directory by its command line."""
    return running(state_dir, "vmops.local.daemon")


def running(state_dir: Path, module: str) -> list[psutil.Process]:
    """Find the processes that run a module of the local Azure for a state directory."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if module in command and str(state_dir) in command:
            found.append(process)
    return found


def test_daemon_files_are_private(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token is in one file of mode 0600, and never in arguments, the environment or a repr."""
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "hidden")
    found = daemon.ensure(state_dir)
    for process in both(state_dir):
        assert found.token not in " ".join([*process.cmdline(), *process.environ().values(), repr(found)])
        assert "AZURE_CLIENT_SECRET" not in process.environ()
    assert stat.S_IMODE((state_dir / "local").stat().st_mode) == 0o700
    assert stat.S_IMODE((state_dir / "local/endpoint.json").stat().st_mode) == 0o600


def test_daemon_detaches_from_its_caller(state_dir: Path, tmp_path: Path) -> None:
    """Session, directory and open files are its own, and the caller's output ends with the caller."""
    with (tmp_path / "open").open("w") as file:
        started = subprocess.run(
            [sys.executable, "-c", ENSURE, str(state_dir)],
            stdout=subprocess.PIPE,
            text=True,
            timeout=120,
            check=True,
            pass_fds=[file.fileno()],
            cwd=tmp_path,
        )
    process = psutil.Process(int(started.stdout))
    assert process.is_running()
    assert os.getsid(process.pid) != os.getsid(0)
    assert process.cwd() == str(state_dir / "local")
    assert str(tmp_path / "open") not in {each.path for each in process.open_files()}


@pytest.fixture
def kept_place(state_dir: Path) -> Iterator[None]:
    """Occupy no port that is to be taken again."""
    with kept_ports(state_dir):
        yield


@pytest.mark.usefixtures("kept_place")
def test_a_killed_daemon_is_replaced_at_the_same_port(state_dir: Path) -> None:
    """The next caller gets the same ports, token and resources."""
    found = daemon.ensure(state_dir)
    group = f"{found.arm}/subscriptions/{'1' * 8}-1111-1111-1111-{'1' * 12}/resourceGroups/g?api-version=2024-03-01"
    headers = {"Authorization": f"Bearer {found.token}"}
    requests.put(group, json={"location": "westus2"}, headers=headers, timeout=60).raise_for_status()
    kill_daemon(state_dir)
    assert daemon.find(state_dir) is None
    again = daemon.ensure(state_dir)
    assert without_pid(again) == without_pid(found)
    assert requests.get(group, headers=headers, timeout=60).json()["name"] == "g"


@pytest.mark.usefixtures("kept_place")
def test_a_killed_provider_is_replaced_at_the_same_port(state_dir: Path) -> None:
    """The next caller finds it at its old port. Stopping the daemon also ends a provider without a daemon."""
    found = daemon.ensure(state_dir)
    first, provider = both(state_dir)
    provider.kill()
    assert poll_until(lambda: NotYet(0.01) if processes.process_start_time(provider.pid) else True, timeout=60)
    again = daemon.ensure(state_dir)
    assert without_pid(again) == without_pid(found)
    with socket.create_connection(("127.0.0.1", again.provider), timeout=60):
        pass
    all_three = [first, *both(state_dir)]
    kill_daemon(state_dir)
    assert daemon.stop(state_dir) is False
    assert [processes.process_start_time(process.pid) for process in all_three] == [None] * 3


@pytest.mark.usefixtures("kept_place")
def test_daemon_uses_another_port_if_its_port_is_taken(state_dir: Path) -> None:
    """The token stays the same."""
    found = daemon.ensure(state_dir)
    kill_daemon(state_dir)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(found.arm.rpartition(":")[2])))
        other.listen()
        again = daemon.ensure(state_dir)
    assert again.arm != found.arm
    assert (again.provider, again.token) == (found.provider, found.token)
    assert status(again) == 200


@pytest.mark.usefixtures("kept_place")
def test_another_pace_restarts_the_daemon_at_the_same_port(state_dir: Path) -> None:
    """A requested pace takes effect; without a request the pace stays, also after a kill."""
    first = daemon.ensure(state_dir, 0)
    assert daemon.ensure(state_dir, 0) == daemon.ensure(state_dir) == first
    second = daemon.ensure(state_dir, 0.5)
    assert without_pid(second) == without_pid(first)
    assert second.pid != first.pid
    kill_daemon(state_dir)
    daemon.ensure(state_dir)
    record = endpoint.read(state_dir)
    assert record is not None
    assert record.pace == 0.5


def test_stop_leaves_nothing_running(state_dir: Path) -> None:
    """The daemon is gone when stop returns, and a second stop finds nothing."""
    daemon.ensure(state_dir)
    these = both(state_dir)
    assert daemon.stop(state_dir)
    assert [processes.process_start_time(process.pid) for process in these] == [None, None]
    assert (daemon.find(state_dir), daemon.stop(state_dir)) == (None, False)


def test_daemon_ends_when_its_record_is_deleted(state_dir: Path) -> None:
    """Without its state directory it has no callers, and would run forever."""
    found = daemon.ensure(state_dir)
    shutil.rmtree(state_dir / "local")
    assert poll_until(lambda: processes.process_start_time(found.pid) is None or NotYet(0.05), timeout=60)


def test_a_daemon_that_ignores_sigterm_is_killed(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hanging daemon does not block its caller."""
    monkeypatch.setattr(daemon, "_TERM_TIMEOUT", 0.2)
    found = daemon.ensure(state_dir)
    os.kill(found.pid, signal.SIGSTOP)
    assert daemon.stop(state_dir)
    assert poll_until(lambda: daemon.find(state_dir) is None or NotYet(0.01), timeout=60)


def test_setting_the_clock_does_not_restart_the_daemon(state_dir: Path) -> None:
    """Daemon and provider are identified by start ticks, which do not change with the clock."""
    found = daemon.ensure(state_dir)
    record = endpoint.read(state_dir)
    assert record is not None
    provider_started = record.provider_started - 10
    endpoint.write(state_dir, replace(record, started=record.started - 10, provider_started=provider_started))
    assert daemon.ensure(state_dir) == daemon.find(state_dir) == found
    these = both(state_dir)
    assert daemon.stop(state_dir)
    assert [processes.process_start_time(process.pid) for process in these] == [None, None]


def test_daemon_record_of_an_earlier_version_is_read(state_dir: Path) -> None:
    """An earlier version recorded start times by the clock; its daemon is found and used."""
    found = daemon.ensure(state_dir)
    record = endpoint.read(state_dir)
    assert record is not None
    endpoint.write(state_dir, replace(record, host_id="", ticks=0, provider_ticks=0))
    assert daemon.ensure(state_dir) == found


@pytest.mark.parametrize("told", [True, False], ids=["a record of before a clock was set", "no record"])
def test_stop_ends_a_daemon_without_a_record(state_dir: Path, monkeypatch: pytest.MonkeyPatch, told: bool) -> None:
    """It is found by the lock that it holds."""
    monkeypatch.setattr(daemon, "_TERM_TIMEOUT", 0.2)
    found, these = daemon.ensure(state_dir), both(state_dir)
    os.kill(found.pid, signal.SIGSTOP)  # without its record a running daemon would exit
    record = endpoint.read(state_dir)
    assert record is not None
    started, provider_started = record.started - 10, record.provider_started - 10
    earlier = replace(record, host_id="", ticks=0, provider_ticks=0, started=started, provider_started=provider_started)
    endpoint.write(state_dir, earlier) if told else endpoint.path_of(state_dir).unlink()
    assert daemon.stop(state_dir)
    assert [processes.process_start_time(process.pid) for process in these] == [None, None]
    assert daemon.stop(state_dir) is False


def test_stop_reports_a_lock_held_by_another_program(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another holder of the lock is not ended, and stop raises."""
    monkeypatch.setattr(daemon, "_START_TIMEOUT", 0.1)
    held = file_lock.acquire(state_dir / "local/lock")
    assert held is not None
    with pytest.raises(VmopsError, match="is no daemon of the local Azure"):
        daemon.stop(state_dir)
    os.close(held)
    assert daemon.stop(state_dir) is False


def test_a_reused_pid_is_not_the_daemon(state_dir: Path) -> None:
    """A process with the recorded pid but another start is neither found nor stopped."""
    found = daemon.ensure(state_dir)
    record = endpoint.read(state_dir)
    assert record is not None
    kill_daemon(state_dir)
    long_ago = psutil.Process().create_time() - 3600
    endpoint.write(state_dir, replace(record, endpoint=replace(found, pid=os.getpid()), started=long_ago, ticks=1))
    assert (daemon.find(state_dir), daemon.stop(state_dir)) == (None, False)


@pytest.mark.parametrize("written", [b"", b"{", b"[]", b'{"endpoint": {}, "started": 1, "pace": 1}'])
def test_a_broken_daemon_record_counts_as_none(state_dir: Path, written: bytes) -> None:
    """An unreadable record neither hides a daemon nor prevents a start."""
    (state_dir / "local").mkdir(mode=0o700)
    (state_dir / "local/endpoint.json").write_bytes(written)
    assert daemon.find(state_dir) is None
    assert status(daemon.ensure(state_dir)) == 200


def test_a_daemon_that_cannot_start_says_why(state_dir: Path) -> None:
    """The error is one sentence with the path of the log, and no provider stays."""
    (state_dir / "local/cloud.db").mkdir(parents=True)
    with pytest.raises(
        VmopsError, match=r"^the local Azure did not start: .*unable to open database file .*daemon\.log"
    ):
        daemon.ensure(state_dir)
    assert running(state_dir, "vmops.local.provider_process") == []


def test_a_start_that_never_ends_times_out(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is never released ends in a sentence."""
    monkeypatch.setattr(daemon, "_START_TIMEOUT", 0.1)
    held = file_lock.acquire(state_dir / "local/lock")
    assert held is not None
    with pytest.raises(VmopsError, match="neither starts nor ends"):
        daemon.ensure(state_dir)
    os.close(held)
    assert daemon.find(state_dir) is None


@pytest.mark.parametrize("told", [True, False], ids=["after it has told it", "before"])
def test_a_provider_is_silent_if_its_daemon_dies_at_start(state_dir: Path, told: bool) -> None:
    """The last line of the log is the daemon's error."""
    command = [sys.executable, "-P", "-m", "vmops.local.provider_process", str(state_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as provider:
        assert provider.stdout
        provider.stdout.close()
        words = b'{"arm": "http://127.0.0.1:9", "token": "t", "port": 0}' if told else b""
        assert provider.communicate(words, timeout=60)[1] == b""
    assert provider.returncode == 0
