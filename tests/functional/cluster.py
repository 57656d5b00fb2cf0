"""Hosts for tests that share their records: a database of their own, one local Azure, and as many as are asked for."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.azure import Azure
from tests.functional.doors import CLI
from tests.postgres import Postgres
from vmops import Settings, Status, VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.jobs.operation import Operation
from vmops.jobs.worker import NAME
from vmops.local import daemon
from vmops.ops.cluster import initialise
from vmops.protocol import Params

LONGEST = 240.0
"""Seconds for what takes one or a few: it hangs if it takes as long, however slow the machine."""

_CLOCK = """import sys, time
read = time.time
time.time = lambda: read() + ({} if sys._getframe(1).f_globals["__name__"].startswith("vmops.") else 0)
"""
"""Only what vmops reads is shifted: gRPC compares Python's clock with that of its own core."""

SECONDS, RENEWED = 3.0, 0.5
"""How long a claim lasts here, and how often it is renewed."""


@dataclass
class Host:
    """One host: a state directory and a name of its own; all of its processes carry both."""

    name: str
    directory: Path
    told: Mapping[str, str]
    agents: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Give what its processes find."""
        own = {"VMOPS_STATE_DIR": str(self.directory), "VMOPS_HOST": self.name}
        return {**os.environ, **self.told, **own}

    @property
    def ops(self) -> VMOps:
        """Give vmops as a program on this host has it."""
        return VMOps(self.settings)

    @property
    def settings(self) -> Settings:
        """Give the settings of a program on this host."""
        named = {name.removeprefix("VMOPS_").lower(): value for name, value in self.told.items()}
        settings = {name: value for name, value in named.items() if name in Settings.model_fields}
        return Settings(**{**settings, "state_dir": self.directory})

    def work(self, *options: str) -> "subprocess.Popen[str]":
        """Begin to work; come back once it takes what is queued."""
        command = [*CLI, "worker", *options]
        with (self.directory.parent / f"{self.name}.log").open("a") as log:
            agent = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=subprocess.PIPE, text=True, start_new_session=True
            )
        self.agents.append(agent)
        assert agent.stderr
        assert (line := agent.stderr.readline()).startswith("ready: "), line + agent.stderr.read()
        return agent

    def call(self, *arguments: str) -> Any:
        """Call vmops on this host, and give the JSON that it prints."""
        command = [*CLI, *arguments, "--json"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=LONGEST)
        return json.loads(done.stdout)

    def processes(self) -> list[psutil.Process]:
        """List all that runs on this host."""
        found = []
        for each in psutil.process_iter():
            with suppress(psutil.Error):
                if each.environ().get("VMOPS_STATE_DIR") == str(self.directory):
                    found.append(each)
        return found

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all that runs on this host."""
        for each in self.processes():
            with suppress(psutil.Error):
                each.send_signal(number)

    def die(self) -> None:
        """End all that runs on this host at once, with no chance to clean up."""
        assert poll_until(lambda: NotYet(0.01) if self._killed() else True, timeout=LONGEST)

    def forget(self, agent: "subprocess.Popen[str]") -> None:
        """Let go of what worked here and has ended."""
        agent.wait(LONGEST)
        if agent.stderr:
            agent.stderr.close()
        self.agents.remove(agent)

    def _killed(self) -> bool:
        found = self.processes()
        for each in found:
            with suppress(psutil.Error):
                each.kill()
        for agent in list(self.agents):
            self.forget(agent)
        return bool(found)


def workers(host: Host) -> list[psutil.Process]:
    """List the workers of a host."""
    found = []
    for each in host.processes():
        with suppress(psutil.Error):
            if each.name() == NAME:
                found.append(each)
    return found


@dataclass
class Cluster:
    """The hosts of one test, and what they share."""

    place: Path
    told: dict[str, str]
    server: Postgres
    database: str
    hosts: dict[str, Host] = field(default_factory=dict)

    @property
    def azure(self) -> Path:
        """Give the directory of the local Azure."""
        return Path(self.told["VMOPS_LOCAL_AZURE"])

    def host(self, name: str, **told: str) -> Host:
        """Give a host of that name, which is told this beside what all are."""
        if name not in self.hosts:
            directory = self.place / name
            directory.mkdir(mode=0o700, exist_ok=True)
            self.hosts[name] = Host(name, directory, {**self.told, **told})
        return self.hosts[name]

    def host_with_clock(self, name: str, seconds: float) -> Host:
        """Give a host on which vmops reads a clock that is ahead by so many seconds."""
        place = self.place / f"clock-of-{name}"
        place.mkdir(exist_ok=True)
        (place / "sitecustomize.py").write_text(_CLOCK.format(seconds))
        return self.host(name, PYTHONPATH=str(place))

    def host_behind(self, name: str, port: int, **told: str) -> Host:
        """Give a host that reaches the database at another port."""
        url = self.told["VMOPS_DATABASE_URL"].replace(f":{self.server.port}/", f":{port}/")
        return self.host(name, VMOPS_DATABASE_URL=url, **told)

    def begin(self, azure: Azure, host: Host, params: Params) -> VMOps:
        """Have a host make a VM that is not done until the local Azure lets it go; give vmops on a mere caller."""
        caller, name = self.host("caller").ops, params["vmName"]
        azure.stick("create", name)
        if not host.agents:
            host.work("--slots", "2")
        assert caller.vm_provision(params) == (Status.PENDING, {}), caller.last_failure(params)
        assert poll_until(lambda: taken(azure, "PUT", name), timeout=LONGEST), self.operation(caller, name)
        return caller

    def ask(self, statement: str) -> list[str]:
        """Ask the database."""
        return self.server.ask(statement, self.database)

    def operation(self, ops: VMOps, name: str = "x1") -> Operation:
        """Give the newest operation of a VM."""
        found = ops.operation({"vmName": name})
        assert found
        return found

    def until(self, ops: VMOps, state: str, host: str = "", name: str = "x1") -> Operation:
        """Wait until the newest operation of a VM stands so."""

        def look() -> Operation | NotYet:
            now = self.operation(ops, name)
            return now if now.state == state and host in ("", now.host) else NotYet(0.02)

        found = poll_until(look, timeout=LONGEST)
        assert found, self.operation(ops, name)
        return found


def taken(azure: Azure, method: str, name: str) -> bool | NotYet:
    """Tell whether ARM has taken on to make a VM (PUT), or to remove it (DELETE)."""
    status, ended = {"PUT": 201, "DELETE": 202}[method], f"/virtualMachines/{name}"
    calls = [each for each in azure.journal() if each["path"].partition("?")[0].endswith(ended)]
    return any((each["method"], each["status"]) == (method, status) for each in calls) or NotYet(0.02)


def succeeded(ops: VMOps, params: Params, *, is_setup: bool) -> None:
    """See that a VM is there, or gone, in the end."""
    answer = ops.wait_vm_deployment(is_setup, {"vmName": params["vmName"], "pollTimeout": LONGEST})
    assert answer[0] is Status.SUCCEEDED, ops.last_failure(params)


@contextmanager
def prepared(place: Path, server: Postgres) -> Iterator[Cluster]:
    """Make hosts share their records, on a local Azure that finishes everything at its first poll."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**server.environment, "VMOPS_LOCAL_AZURE": str(place / "azure")}.items():
            environment.setenv(name, value)
        with sharing(place, server, 0) as cluster:
            yield cluster


@contextmanager
def at_peace(cluster: Cluster) -> Iterator[Azure]:
    """Give the local Azure of the hosts; what it was told to keep goes on afterwards, and the hosts are ended."""
    azure = Azure(cluster.azure)
    yield azure
    azure.let_go()
    for host in cluster.hosts.values():
        host.send(signal.SIGCONT)
        host.die()
    cluster.hosts.clear()


@contextmanager
def sharing(place: Path, server: Postgres, pace: float) -> Iterator[Cluster]:
    """Make hosts share their records, on a local Azure of that pace; all of them are ended afterwards."""
    database = server.database()
    told = {
        **server.environment,
        "VMOPS_DATABASE_URL": database.partition("?")[0],
        "VMOPS_CLUSTER_KEY_FILE": str(place / "key"),
        "VMOPS_LOCAL_AZURE": str(place / "azure"),
        "VMOPS_OWNER": "team",
        "VMOPS_CLAIM_SECONDS": str(SECONDS),
        "VMOPS_CLAIM_RENEW": str(RENEWED),
        "VMOPS_LOCAL_GUESTS": "none",
    }
    (place / "azure").mkdir(mode=0o700)
    cluster = Cluster(place, told, server, database)
    try:
        initialise(cluster.host("caller").settings)
        daemon.ensure(cluster.azure, pace)
        yield cluster
    finally:
        for host in cluster.hosts.values():
            host.die()
        daemon.stop(cluster.azure)
