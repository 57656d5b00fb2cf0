"""The stand-in for azure-native with the real engine, on the local Azure."""

import json
import multiprocessing
import random
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest
import requests

from tests.azure import Azure
from tests.functional.deploy import main as deploy_program
from vmops.core import processes
from vmops.core.polling import NotYet, poll_until
from vmops.local import daemon

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
NOWHERE = "00000000-0000-0000-0000-000000000000"
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.functional.deploy"])
PASSWORD = "Tr0ub4dor&3-horse"


class Refused(Exception):
    """The engine ended with an error; its text is the message."""


@dataclass(frozen=True)
class Deployment:
    """A deployment in a process of its own."""

    process: BaseProcess
    pipe: Connection

    def result(self) -> dict[str, int]:
        """Wait for the end, and give the changes by kind."""
        succeeded, told = self.pipe.recv()
        if not succeeded:
            raise Refused(told)
        changes: dict[str, int] = told
        return changes

    def strike(self, number: signal.Signals) -> None:
        """Send a signal to the engine."""
        for engine in psutil.Process(self.process.pid).children():
            engine.send_signal(number)


class Engine:
    """The real engine with a backend of its own, attached to the local Azure of one test."""

    def __init__(self, engine: Path, state_dir: Path, tmp_path: Path) -> None:
        (tmp_path / "backend").mkdir()
        self._directory = tmp_path
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "ENGINE_ROOT": str(engine.parents[1]),
            "PULUMI_HOME": str(tmp_path / "home"),
            "PULUMI_BACKEND_URL": f"file://{tmp_path / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "passphrase",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_PROVIDERS": f"azure-native:{daemon.ensure(state_dir).provider}",
        }

    @contextmanager
    def running(self, verb: str, program: str, stack: str = "exp", **arguments: Any) -> Iterator["Deployment"]:
        """Start a deployment without waiting; it is ended after the block."""
        ours, theirs = FORKS.Pipe()
        call = (verb, stack, program, arguments)
        process = FORKS.Process(target=deploy_program, args=(theirs, self._environment, self._directory, call))
        process.start()
        theirs.close()
        try:
            yield Deployment(process, ours)
        finally:
            process.kill()
            process.join()
            ours.close()

    def __call__(self, verb: str, program: str, stack: str = "exp", **arguments: Any) -> dict[str, int]:
        """Deploy a program of ``deploy.py``; gives the changes by kind."""
        with self.running(verb, program, stack, **arguments) as deployment:
            return deployment.result()

    def state(self, stack: str = "exp") -> dict[str, Any]:
        """Read the state of a stack from the backend."""
        written = json.loads((self._directory / f"backend/.pulumi/stacks/test/{stack}.json").read_text())
        latest: dict[str, Any] = written["checkpoint"]["latest"]
        return latest

    def outputs(self) -> dict[str, Any]:
        """Give the outputs of the program."""
        outputs: dict[str, Any] = self.state()["resources"][0]["outputs"]
        return outputs

    def machine(self) -> dict[str, Any]:
        """Give the machine's entry in the state; empty if there is none."""
        found = [each for each in self.state()["resources"] if each["type"].endswith(":VirtualMachine")]
        return found[0] if found else {}


@pytest.fixture
def deploy(engine: Path, azure: Azure, state_dir: Path, tmp_path: Path) -> Engine:
    """Give a function that deploys programs."""
    return Engine(engine, state_dir, tmp_path)


def vm_id(subscription: str = SUBSCRIPTION) -> str:
    return f"{group_id(subscription)}/providers/Microsoft.Compute/virtualMachines/exp"


def group_id(subscription: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/exp-group"


def delete(state_dir: Path, path: str) -> None:
    """Delete a resource as somebody else would."""
    here = daemon.ensure(state_dir)
    requests.delete(here.arm + path, headers={"Authorization": f"Bearer {here.token}"}, timeout=10).raise_for_status()


def being_made(azure: Azure) -> bool | NotYet:
    return True if f"PUT {vm_id()}" in azure.writes() else NotYet(0.02)


def test_an_unchanged_program_changes_nothing(deploy: Engine, azure: Azure) -> None:
    """All seven types are made, found unchanged by an update and a refresh, and destroyed."""
    deploy("up", "machine", password=PASSWORD)
    outputs = deploy.outputs()
    assert (outputs["interface"], outputs["user"]) == ("10.0.0.4", "mlos")
    assert outputs["address"]
    assert {each["type"].rpartition("/")[2] for each in azure.resources()} >= {
        *("resourceGroups", "networkSecurityGroups", "virtualNetworks", "subnets"),
        *("publicIPAddresses", "networkInterfaces", "virtualMachines", "disks"),
    }
    before = azure.writes()
    for verb in ("preview", "up", "refresh", "preview"):
        assert deploy(verb, "machine", password=PASSWORD) == {"same": 9}
    assert azure.writes() == before
    deploy("destroy", "machine")
    assert azure.resources() == []


def test_a_size_is_changed_in_place_and_an_image_is_not(deploy: Engine, azure: Azure) -> None:
    """A resize is one PUT of the machine. Another image replaces the machine, with the same interface and address."""
    deploy("up", "machine", password=PASSWORD)
    address = deploy.outputs()["address"]
    identity, before = azure.vm(vm_id())["properties"]["vmId"], len(azure.writes())
    resized = deploy("up", "machine", password=PASSWORD, size="Standard_B2ms")
    assert resized == {"same": 8, "update": 1}
    assert azure.vm(vm_id())["properties"]["hardwareProfile"]["vmSize"] == "Standard_B2ms"
    assert azure.vm(vm_id())["properties"]["vmId"] == identity
    assert azure.writes()[before:] == [f"PUT {vm_id()}"]
    replaced = deploy("up", "machine", password=PASSWORD, size="Standard_B2ms", sku="minimal")
    assert replaced == {"replace": 1, "same": 8}
    assert azure.writes()[before + 1 :] == [f"DELETE {vm_id()}", f"PUT {vm_id()}"]
    assert azure.vm(vm_id())["properties"]["vmId"] != identity
    assert deploy.outputs()["address"] == address


def test_secrets_are_ciphertext_in_the_state(deploy: Engine) -> None:
    """The password is an encrypted input, and never an output."""
    deploy("up", "machine", password=PASSWORD)
    assert PASSWORD not in json.dumps(deploy.state())
    assert "ciphertext" in deploy.machine()["inputs"]["osProfile"]["adminPassword"]
    assert "adminPassword" not in deploy.machine()["outputs"]["osProfile"]


def test_preview_sends_no_writes(deploy: Engine, azure: Azure) -> None:
    """A preview of a new program plans everything without a request to ARM."""
    assert deploy("preview", "machine", password=PASSWORD) == {"create": 9}
    assert azure.journal() == []


def test_names_and_location_are_filled_in(deploy: Engine, azure: Azure) -> None:
    """A program may leave out names and locations; they are chosen and stay."""
    deploy("up", "nameless")
    made = {each["type"].rpartition("/")[2]: each for each in azure.resources()}
    assert made["resourceGroups"]["name"].startswith("group")
    assert len(made["networkSecurityGroups"]["name"]) == len("guard") + 8
    assert made["networkSecurityGroups"]["location"] == "westus2"
    assert deploy("up", "nameless") == {"same": 3}


def test_an_existing_resource_is_refused_and_can_be_imported(deploy: Engine, azure: Azure) -> None:
    """A foreign address is not overwritten; after an import it belongs to the stack."""
    group = group_id(NOWHERE)
    address = f"{group}/providers/Microsoft.Network/publicIPAddresses/exp-ip"
    azure.put(f"{group}?api-version=2024-03-01", {"location": "westus2"})
    body = {"location": "westus2", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}
    made = azure.put(f"{address}?api-version=2024-05-01", body)["properties"]
    with pytest.raises(Refused, match=f"cannot create already existing resource '{group}'"):
        deploy("up", "address")
    before = azure.writes()
    adopted = deploy("up", "adopt", group_id=group, address_id=address, ip_address=made["ipAddress"])
    assert adopted == {"import": 2, "same": 1}
    assert azure.writes() == before
    deploy("destroy", "adopt")
    assert azure.resources() == []


def test_drift_is_found_by_a_refresh(deploy: Engine, azure: Azure, state_dir: Path) -> None:
    """Changes by others are in the next plan, and deleted resources are recreated."""
    deploy("up", "address")
    group = group_id(NOWHERE)
    azure.put(f"{group}?api-version=2024-03-01", {"location": "westus2", "tags": {"by": "somebody"}})
    delete(state_dir, f"{group}/providers/Microsoft.Network/publicIPAddresses/exp-ip?api-version=2024-05-01")
    assert deploy("refresh", "address") == {"delete": 1, "same": 1, "update": 1}
    assert deploy("up", "address") == {"create": 1, "same": 1, "update": 1}


def test_two_engines_keep_their_subscriptions(deploy: Engine, azure: Azure) -> None:
    """One provider serves several engines with separate configurations."""
    subscriptions = [f"{digit * 8}-0000-0000-0000-000000000000" for digit in "23"]

    def up(subscription: str) -> dict[str, int]:
        return deploy("up", "machine", f"exp{subscription[0]}", password=PASSWORD, subscription=subscription)

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(up, subscriptions)) == [{"create": 9}] * 2
    assert {each["id"].split("/")[2] for each in azure.resources()} == set(subscriptions)
    assert azure.ids() >= {vm_id(each) for each in subscriptions}


def test_a_refused_create_is_not_in_the_state(deploy: Engine, azure: Azure) -> None:
    """The error has ARM's code, and the resource is not in the state."""
    with pytest.raises(Refused, match='Status=409 Code="SkuNotAvailable"'):
        deploy("up", "machine", password=PASSWORD, size="Standard_M128ms")
    assert deploy.machine() == {}
    assert "pending_operations" not in deploy.state()
    assert vm_id() not in azure.ids()


def test_a_failed_create_is_in_the_state_with_its_errors(deploy: Engine, azure: Azure, state_dir: Path) -> None:
    """ARM accepted it, so it exists: the engine knows its id, and updates it."""
    deploy("up", "machine")
    disk = f"{group_id(SUBSCRIPTION)}/providers/Microsoft.Compute/disks/exp-os?api-version=2024-03-02"
    body = {"location": "westus2", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 32}}
    azure.put(disk, body)
    with pytest.raises(Refused, match="exp-os"):
        deploy("up", "machine", password=PASSWORD)
    failed = deploy.machine()
    assert (failed["id"], failed["outputs"]["provisioningState"]) == (vm_id(), "Failed")
    assert failed["initErrors"]
    assert "pending_operations" not in deploy.state()
    delete(state_dir, disk)
    assert deploy("up", "machine", password=PASSWORD) == {"same": 8, "update": 1}
    assert azure.vm(vm_id())["properties"]["provisioningState"] == "Succeeded"


def test_a_cancelled_create_is_in_the_state(deploy: Engine, azure: Azure, state_dir: Path) -> None:
    """One interrupt ends the engine at once, and started creates are in the state."""
    deploy("up", "machine")
    daemon.ensure(state_dir, 1)
    with deploy.running("up", "machine", password=PASSWORD) as deployment:
        assert poll_until(lambda: being_made(azure), timeout=60)
        deployment.strike(signal.SIGINT)
        with pytest.raises(Refused, match="operation canceled"):
            deployment.result()
    assert azure.vm(vm_id())["properties"]["provisioningState"] == "Creating"
    assert deploy.machine()["id"] == vm_id()


def test_a_killed_engine_leaves_pending_operations(deploy: Engine, azure: Azure, state_dir: Path) -> None:
    """The next engine is refused because the machine exists, as with azure-native."""
    deploy("up", "machine")
    daemon.ensure(state_dir, 1)
    with deploy.running("up", "machine", password=PASSWORD) as deployment:
        assert poll_until(lambda: being_made(azure), timeout=60)
        deployment.strike(signal.SIGKILL)
    assert deploy.machine() == {}
    assert [each["resource"]["type"] for each in deploy.state()["pending_operations"]] == [
        "azure-native:compute:VirtualMachine"
    ]
    deploy("cancel", "machine")
    with pytest.raises(Refused, match=f"cannot create already existing resource '{vm_id()}'"):
        deploy("up", "machine", password=PASSWORD)


@contextmanager
def killing(azure: Azure, state_dir: Path, seed: int) -> Iterator[list[int]]:
    """Kill each daemon after a random number of requests; gives the pids of the dead."""
    chance, dead, over = random.Random(seed), [], Event()

    def reached(most: int) -> bool | NotYet:
        return over.is_set() or len(azure.journal()) >= most or NotYet(0.02)

    def dead_now(pid: int) -> bool | NotYet:
        return processes.process_start_time(pid) is None or NotYet(0.01)

    def kill() -> None:
        while not over.is_set():
            most = chance.randint(1, 12)
            if poll_until(partial(reached, most), timeout=60) and not over.is_set():
                victim = daemon.ensure(state_dir).pid
                psutil.Process(victim).kill()
                assert poll_until(partial(dead_now, victim), timeout=10)
                dead.append(victim)

    with ThreadPoolExecutor(1) as pool:
        killer = pool.submit(kill)
        yield dead
        over.set()
        killer.result()


def test_an_engine_survives_the_daemon(deploy: Engine, azure: Azure, state_dir: Path) -> None:
    """Under repeated kills during an update and a destroy the daemon returns at the same ports with its operations."""
    before = daemon.ensure(state_dir, 0.02)
    with killing(azure, state_dir, seed=1) as dead:
        assert deploy("up", "machine", password=PASSWORD) == {"create": 9}
        assert deploy("destroy", "machine") == {"delete": 9}
    after = daemon.ensure(state_dir)
    assert (after.arm, after.token, after.provider) == (before.arm, before.token, before.provider)
    assert len(set(dead)) > 3
    assert azure.resources() == []


def test_an_unknown_type_is_refused(deploy: Engine) -> None:
    """The error lists the supported types."""
    with pytest.raises(Refused, match="no resource type 'azure-native:network:RouteTable': it has "):
        deploy("up", "foreign")
