"""Fixtures of the functional tests: VMOps on a local Azure whose operations end at their first poll."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from tests.functional.cluster import Cluster, at_peace, prepared
from tests.postgres import Postgres
from vmops import Settings, Status, VMOps
from vmops.local import daemon
from vmops.protocol import Params


@pytest.fixture
def azure(engine: Path, state_dir: Path) -> Azure:
    """Give the local Azure of this test, at pace 0."""
    daemon.ensure(state_dir, 0)
    return Azure(state_dir)


@pytest.fixture
def ops(azure: Azure, state_dir: Path) -> VMOps:
    """Give VMOps on that Azure."""
    return VMOps(Settings(state_dir=state_dir, owner="tester"))


@pytest.fixture
def provision(ops: VMOps) -> Callable[[Params], dict[str, Any]]:
    """Give a function that provisions and waits for success."""

    def and_wait(params: Params) -> dict[str, Any]:
        status, result = ops.vm_provision(params)
        assert (status, result) == (Status.PENDING, {}), ops.last_failure(params)
        status, result = ops.wait_vm_deployment(True, params)
        assert status is Status.SUCCEEDED, ops.last_failure(params)
        return result

    return and_wait


@pytest.fixture
def deprovision(ops: VMOps) -> Callable[[Params], dict[str, Any]]:
    """Give a function that deprovisions and waits for success."""

    def and_wait(params: Params) -> dict[str, Any]:
        assert ops.vm_deprovision(params) == (Status.PENDING, {}), ops.last_failure(params)
        status, result = ops.wait_vm_deployment(False, params)
        assert status is Status.SUCCEEDED, ops.last_failure(params)
        return result

    return and_wait


@pytest.fixture(scope="module")
def cluster(engine: Path, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give hosts that share their records: their database and their local Azure are those of a module."""
    with prepared(tmp_path_factory.mktemp("cluster"), postgres) as cluster:
        yield cluster


@pytest.fixture
def cloud(cluster: Cluster) -> Iterator[Azure]:
    """Give the local Azure of those hosts; the hosts of a test end with it."""
    with at_peace(cluster) as cloud:
        yield cloud
