"""The speed of the local Azure on this machine: its start, its size with many VMs, and GETs of VMs per core.

    python benchmarks/local_azure.py [MACHINES] [--json]

GETs use open connections with several requests at a time, so that the client is not the bottleneck. Each VM is read.
The rate is given per second of the daemon's CPU time, and per second of wall time.
"""

import json
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from vmops.local import daemon
from vmops.local.daemon import Endpoint

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
GROUP = f"{SUBSCRIPTION}/resourceGroups/bench"
COMPUTE, NETWORK = (f"{GROUP}/providers/Microsoft.{name}" for name in ("Compute", "Network"))
SUBNET = f"{NETWORK}/virtualNetworks/net/subnets/sub"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake"
ROUNDS, TOGETHER = 10, 20
Request = tuple[str, str, Any]


class Connection:
    """One open connection to the daemon."""

    def __init__(self, here: Endpoint) -> None:
        at = urlsplit(here.arm)
        self._socket = socket.create_connection((at.hostname, at.port))
        self._stream = self._socket.makefile("rb", 1 << 16)
        self._head = f"Host: {at.netloc}\r\nAuthorization: Bearer {here.token}\r\n"

    def send(self, requests: list[Request]) -> list[int]:
        """Send all requests at once and return the statuses of their answers."""
        self._socket.sendall(b"".join(map(self._written, requests)))
        return [self._answer() for _ in requests]

    def _written(self, request: Request) -> bytes:
        method, path, body = request
        content = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path}?api-version=2024-07-01 HTTP/1.1\r\n{self._head}Content-Length: {len(content)}\r\n\r\n"
        return head.encode() + content

    def _answer(self) -> int:
        status, length = int(self._stream.readline().split()[1]), 0
        while (line := self._stream.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self._stream.read(length)
        return status


def world(machines: int) -> Iterator[Request]:
    """Give the requests that make a group, a network, and machines with an interface each."""
    yield "PUT", GROUP, {"location": "westus2"}
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}
    yield "PUT", f"{NETWORK}/virtualNetworks/net", {"location": "westus2", "properties": space}
    yield "PUT", SUBNET, {"properties": {"addressPrefix": "10.0.0.0/16"}}
    for number in range(machines):
        part = {"name": "a", "properties": {"subnet": {"id": SUBNET}}}
        interface = f"{NETWORK}/networkInterfaces/nic{number}"
        yield "PUT", interface, {"location": "westus2", "properties": {"ipConfigurations": [part]}}
        yield "PUT", f"{COMPUTE}/virtualMachines/vm{number}", machine(number, interface)


def machine(number: int, interface: str) -> dict[str, Any]:
    """Give the body of a typical machine."""
    image = {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}
    linux = {"disablePasswordAuthentication": True, "ssh": {"publicKeys": [{"keyData": KEY}]}}
    return {
        "location": "westus2",
        "tags": {"vmops-stack": f"vm{number}", "vmops-owner": "bench"},
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_B2s"},
            "storageProfile": {"imageReference": image, "osDisk": {"createOption": "FromImage", "name": f"os{number}"}},
            "osProfile": {"adminUsername": "mlos", "linuxConfiguration": linux},
            "networkProfile": {"networkInterfaces": [{"id": interface}]},
        },
    }


def rates(connection: Connection, process: psutil.Process, machines: int) -> tuple[float, float]:
    """GET every machine several times; return GETs per second of the daemon's CPU time and of wall time."""
    gets: list[Request] = [("GET", f"{COMPUTE}/virtualMachines/vm{number}", None) for number in range(machines)]
    spent, begun = sum(process.cpu_times()[:2]), time.perf_counter()
    for _ in range(ROUNDS):
        for first in range(0, machines, TOGETHER):
            if set(connection.send(gets[first : first + TOGETHER])) != {200}:
                raise SystemExit("a GET was refused")
    took = time.perf_counter() - begun
    return ROUNDS * machines / (sum(process.cpu_times()[:2]) - spent), ROUNDS * machines / took


def measure(state_dir: Path, machines: int) -> dict[str, float]:
    """Start a daemon, fill it and read from it; all figures are from this one run."""
    begun = time.perf_counter()
    here = daemon.ensure(state_dir, 0)
    connection = Connection(here)
    if connection.send([("GET", SUBSCRIPTION, None)]) != [200]:
        raise SystemExit("the first GET was refused")
    started, process = time.perf_counter() - begun, psutil.Process(here.pid)
    begun = time.perf_counter()
    for request in world(machines):
        if connection.send([request]) != [201]:
            raise SystemExit(f"{request[0]} {request[1]} was refused")
    filled = time.perf_counter() - begun
    by_core, by_clock = rates(connection, process, machines)
    return {
        "start to first answer, s": started,
        f"PUTs a second, of {2 * machines + 3}": (2 * machines + 3) / filled,
        "VM GETs a second of its processor": by_core,
        "VM GETs a second of the clock": by_clock,
        f"resident with {machines} VMs, MB": process.memory_info().rss / 1e6,
        "its provider beside it, MB": sum(child.memory_info().rss for child in process.children()) / 1e6,
    }


def main() -> None:
    """Print the figures as a table, or as JSON."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    with tempfile.TemporaryDirectory() as directory:
        try:
            figures = measure(Path(directory), *(numbers or [1000]))
        finally:
            daemon.stop(Path(directory))
    if "--json" in sys.argv:
        print(json.dumps(figures, indent=2))
        return
    for name, figure in figures.items():
        print(f"{name:<40}{figure:>12.2f}")


if __name__ == "__main__":
    main()
