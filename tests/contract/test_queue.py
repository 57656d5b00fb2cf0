"""The hosts' queue: in which order it hands work out, and to whom."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from tests.postgres import Postgres
from vmops.core.cluster_key import ClusterKey
from vmops.core.polling import NotYet, poll_until
from vmops.jobs.cluster import queue
from vmops.jobs.cluster.postgres import Transaction, upgrade
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.order import JobRequest
from vmops.jobs.store import Store

LONGEST = 120.0
ORDER = JobRequest({}, backend="", engine=None, silence=0.0, doubtful=False)


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> Iterator[str]:
    """Give a database of this module's, with nothing in it but the schema."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in postgres.environment.items():
            environment.setenv(name, value)
        database = postgres.database()
        upgrade(database)
        yield database


@pytest.fixture
def store(url: str, tmp_path: Path) -> Store:
    return Store(tmp_path, url)


@pytest.fixture
def key(tmp_path: Path) -> ClusterKey:
    ClusterKey.make(tmp_path / "key")
    return ClusterKey.read(tmp_path / "key")


def put(store: Store, key: ClusterKey, name: str, owner: str, of: str = "default") -> None:
    """Ask for the provision of a VM."""
    asked = Operation(name, Verb.PROVISION, f"of {name}", "local", "0", "group", name, owner, queue=of)
    outlook = queue.Outlook.of(store.shared(), owner)
    assert store.insert(asked, lambda rows: queue.put(cast(Transaction, rows), asked, ORDER, key, outlook))


@contextmanager
def taking(url: str, work: Callable[[str], object], of: str = "default", room: int = 1) -> Iterator[None]:
    """Take jobs of a queue as a host does, by default one after the other."""
    rooms = {queue.of_verb(of, Verb.PROVISION): room}
    ready, consumers = threading.Event(), list[tuple[asyncio.AbstractEventLoop, queue.Consumer]]()

    async def serve() -> None:
        consumer = queue.Consumer(url, rooms, work, (), pause=1.0, longest_silence=60.0, ride_out=60.0)
        consumers.append((asyncio.get_running_loop(), consumer))
        ready.set()
        await consumer.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(LONGEST)
    try:
        yield
    finally:
        loop, consumer = consumers[0]
        loop.call_soon_threadsafe(consumer.drain)
        thread.join(LONGEST)


def test_owners_take_turns(url: str, store: Store, key: ClusterKey) -> None:
    """A request for one VM does not wait for a hundred of another owner."""
    taken: list[str] = []

    def work(name: str) -> None:
        taken.append(name)
        store.transition(name, State.FAILED)

    for number in range(100):
        put(store, key, f"crowd{number}", "ada")
    for number in range(3):
        put(store, key, f"few{number}", "mia")
    with taking(url, work):
        assert poll_until(lambda: len(taken) == 103 or NotYet(0.02), timeout=LONGEST), taken
    assert [taken.index(f"few{number}") for number in range(3)] == [1, 3, 5]
    assert [name for name in taken if name.startswith("crowd")] == [f"crowd{number}" for number in range(100)]


def test_an_order_of_a_later_version_is_left_to_hosts_that_can_read_it(
    url: str, store: Store, key: ClusterKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts of two versions work side by side: neither takes, nor spoils, what is the other's."""
    taken: list[str] = []
    with monkeypatch.context() as later:
        later.setattr(queue, "VERSION", queue.VERSION + 1)
        put(store, key, "later", "ada", "mixed")
    put(store, key, "ours", "mia", "mixed")
    status = "SELECT status::text FROM procrastinate_jobs AS jobs JOIN orders ON job = jobs.id WHERE operation = ?"
    with taking(url, taken.append, "mixed"):
        assert poll_until(lambda: taken == ["ours"] or NotYet(0.02), timeout=LONGEST)
        put(store, key, "also ours", "zoe", "mixed")
        assert poll_until(lambda: len(taken) == 2 or NotYet(0.02), timeout=LONGEST)
    assert taken == ["ours", "also ours"]
    with store.shared().transaction() as rows:
        assert rows.execute(status, ("later",)).fetchone() == {"status": "todo"}
    with monkeypatch.context() as later:
        later.setattr(queue, "VERSION", queue.VERSION + 1)
        with taking(url, taken.append, "mixed"):
            assert poll_until(lambda: taken[2:] == ["later"] or NotYet(0.02), timeout=LONGEST)


def test_a_connection_that_is_lost_stops_nobody(url: str, store: Store, key: ClusterKey, postgres: Postgres) -> None:
    """What was taken goes on, and beside it as much is taken as there is room for: no more, no less."""
    taken, over = list[str](), threading.Event()

    def work(name: str) -> None:
        taken.append(name)
        assert name != "long" or over.wait(LONGEST)

    put(store, key, "long", "ada", "lossy")
    with taking(url, work, "lossy", room=2):
        try:
            assert poll_until(lambda: taken == ["long"] or NotYet(0.02), timeout=LONGEST)
            with postgres.away(signal.SIGINT):
                pass
            for number in range(3):
                put(store, key, f"short{number}", "ada", "lossy")
            assert poll_until(lambda: len(taken) == 4 or NotYet(0.02), timeout=LONGEST), taken
        finally:
            over.set()
        put(store, key, "last", "ada", "lossy")
        assert poll_until(lambda: taken[4:] == ["last"] or NotYet(0.02), timeout=LONGEST)
