"""The daemon under kill -9 at random moments of a seed, while several clients write."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

import psutil
import pytest
import requests

from tests.azure import kept_ports
from vmops.core.polling import NotYet, poll_until
from vmops.local import daemon

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
VERSION = {"api-version": "2024-05-01"}
WRITERS, WRITES, KILLS = 4, 30, 6


class Clients:
    """What several clients were told; at some of their acknowledgements the daemon is killed."""

    def __init__(self, state_dir: Path, seed: int) -> None:
        self._state_dir, self._lock = state_dir, Lock()
        self._deadly = set(random.Random(seed).sample(range(WRITERS * WRITES), KILLS))
        self._count = 0
        self.acknowledged: dict[str, str | None] = {}
        self.operations: list[str] = []

    def send(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Send a request until it is answered and not refused because of an earlier operation."""

        def look() -> requests.Response | NotYet:
            here = daemon.ensure(self._state_dir)
            url, head = path if path.startswith("http") else here.arm + path, {"Authorization": f"Bearer {here.token}"}
            try:
                answer = requests.request(method, url, json=body, params=VERSION, headers=head, timeout=60)
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                return NotYet(0)
            return NotYet(0.02) if answer.status_code in (409, 429) else answer

        answer = poll_until(look, timeout=120)
        assert answer is not None
        answer.raise_for_status()
        return answer

    def write(self, path: str, value: str | None) -> None:
        """Write or delete a value; it is noted as acknowledged before anything may be killed."""
        method = "DELETE" if value is None else "PUT"
        is_group = "/providers/" not in path
        what = {} if is_group else {"sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}
        answer = self.send(method, path, what | {"location": "westus2", "tags": {"value": value}} if value else None)
        with self._lock:
            self.acknowledged[path] = value
            self.operations += filter(None, [answer.headers.get("Azure-AsyncOperation")])
            self._count += 1
            victim = daemon.find(self._state_dir) if self._count in self._deadly else None
            if victim:
                with suppress(psutil.NoSuchProcess):  # it may have died from the previous kill
                    psutil.Process(victim.pid).kill()


def writes(writer: int, seed: int) -> Iterator[tuple[str, str | None]]:
    """Give the writes of one writer: a group, then addresses in it, some of which are deleted again."""
    group, chance = f"{SUBSCRIPTION}/resourceGroups/g{writer}", random.Random(seed * WRITERS + writer)
    yield group, "first"
    for number in range(WRITES - 1):
        address = f"{group}/providers/Microsoft.Network/publicIPAddresses/a{chance.randrange(4)}"
        yield chance.choice([(group, str(number)), (address, str(number)), (address, str(number)), (address, None)])


def over(clients: Clients, url: str) -> Callable[[], str | NotYet]:
    def look() -> str | NotYet:
        status = clients.send("GET", url.partition("?")[0]).json()["status"]
        return NotYet(0.02) if status == "InProgress" else str(status)

    return look


@pytest.mark.parametrize("seed", [1, 2])
def test_no_acknowledged_write_is_lost(state_dir: Path, seed: int) -> None:
    """Every acknowledged write exists, every operation ends, and each new daemon has the same port."""
    with kept_ports(state_dir):
        write_and_kill(state_dir, seed)


def write_and_kill(state_dir: Path, seed: int) -> None:
    before = daemon.ensure(state_dir, 0.01)
    clients = Clients(state_dir, seed)

    def write(writer: int) -> None:
        for path, value in writes(writer, seed):
            clients.write(path, value)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    after = daemon.ensure(state_dir)
    assert after.pid != before.pid
    assert (after.arm, after.token, after.provider) == (before.arm, before.token, before.provider)
    ends = [poll_until(over(clients, url), timeout=120) for url in clients.operations]
    assert Counter(ends) == {"Succeeded": len(clients.operations)}
    listed = {each["id"]: each["tags"]["value"] for each in clients.send("GET", "/_local/resources").json()}
    assert listed == {path: value for path, value in clients.acknowledged.items() if value}
