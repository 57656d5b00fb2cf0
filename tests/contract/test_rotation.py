"""The cluster's key is replaced while hosts work: at each moment each host can read everything."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.test_queue import put
from tests.postgres import Postgres
from vmops import Settings, StoreError
from vmops.core.cluster_key import ClusterKey
from vmops.jobs.cluster import hosts, queue
from vmops.jobs.opened import open_store, vm_key, vm_public_key
from vmops.jobs.store import Store
from vmops.ops import cluster


@pytest.fixture
def at(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """Give the settings of a host by its name; all hosts share a database."""
    for name, value in postgres.environment.items():
        monkeypatch.setenv(name, value)
    url = postgres.database()

    def settings(name: str) -> Settings:
        monkeypatch.setenv("VMOPS_HOST", name)
        return Settings(state_dir=tmp_path / name, database_url=url, owner="team")

    return settings


def works(settings: Settings) -> Store:
    """Register a host as working."""
    store = open_store(settings)
    hosts.say(store.shared(), settings, 1, 1, principal="", draining=False)
    return store


def order(settings: Settings, name: str) -> bool:
    """Tell whether a host can read a job."""
    return bool(queue.opened(open_store(settings).shared(), name, ClusterKey.read(settings.cluster_key())))


def test_a_key_is_replaced_while_hosts_work(at: Callable[[str], Settings], tmp_path: Path) -> None:
    """A new key is added; once all hosts have it, everything is encrypted with it; then the old one is dropped."""
    cluster.initialise(at("one"))
    old = at("one").cluster_key().read_bytes()
    for name in ("two", "late"):
        cluster.join(at(name), at("one").cluster_key())
    put(open_store(at("one")), ClusterKey.read(at("one").cluster_key()), "before", "ada")
    public = vm_public_key(at("one"), open_store(at("one")), "x1-0a1b2c3d")
    works(at("two"))

    keys = cluster.rotate(at("one"))["keys"]
    assert len(keys) == 2
    assert cluster.rotate(at("one"))["keys"] == keys
    with pytest.raises(StoreError, match=r"two could read nothing then: copy .* and run `vmops cluster join FILE`"):
        cluster.reseal(at("one"))
    put(open_store(at("one")), ClusterKey.read(at("one").cluster_key()), "meanwhile", "ada")
    assert order(at("two"), "meanwhile")
    with pytest.raises(StoreError, match="5 secrets are sealed with an older key: run `vmops cluster rotate --reseal`"):
        cluster.drop_old(at("one"))

    cluster.join(at("two"), at("one").cluster_key())
    works(at("two"))
    assert cluster.reseal(at("one"))["resealed"] == 5
    assert cluster.reseal(at("one"))["resealed"] == 0
    with pytest.raises(StoreError, match=r"was sealed with another key than that in .*: copy it from a host that has"):
        open_store(at("late"))
    put(open_store(at("two")), ClusterKey.read(at("two").cluster_key()), "after", "ada")
    assert [len(cluster.drop_old(at(name))["keys"]) for name in ("one", "two")] == [1, 1]
    assert old not in at("one").cluster_key().read_bytes()
    assert all(order(at("one"), name) for name in ("before", "meanwhile", "after"))
    assert vm_public_key(at("two"), open_store(at("two")), "x1-0a1b2c3d") == public
    assert vm_key(at("two"), open_store(at("two")), "x1-0a1b2c3d")
    (tmp_path / "another").write_bytes(bytes(32))
    (tmp_path / "another").chmod(0o600)
    with pytest.raises(StoreError, match="was sealed with another key"):
        cluster.join(at("two"), tmp_path / "another")
