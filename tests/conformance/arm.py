"""A simulated cloud, on a clock that only the test moves: in this process, or on a real port of this machine."""

import asyncio
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn

from vmops.local.arm.app import create_app
from vmops.local.arm.state.clock import Clock, ManualClock

TOKEN = "test-token"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
API_VERSION = "2024-07-01"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
COMPUTE = f"{GROUP}/providers/Microsoft.Compute"
SUBNET = f"{NETWORK}/virtualNetworks/net/subnets/sub"
IMAGE = {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake"
LONG = 600  # seconds: longer than any operation


class Served(uvicorn.Server):
    """An application on a free port of 127.0.0.1, in a thread of its own."""

    def __init__(self, database: Path, pace: float, clock: Clock | None) -> None:
        app = create_app(database, TOKEN, pace=pace, clock=clock)
        super().__init__(uvicorn.Config(app, log_config=None, access_log=False, ws="none", loop="asyncio"))
        self._ready = threading.Event()
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self.run, kwargs={"sockets": [self._listener]})
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell when it answers."""
        await super().startup(sockets)
        self._ready.set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(120)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.should_exit = True
        self._thread.join(120)
        self._listener.close()


class Arm:
    """A client of the simulated cloud that can make the world it needs."""

    def __init__(self, database: Path, clock: ManualClock, pace: float = 1) -> None:
        self.clock = clock
        self.pace = pace
        app = create_app(database, TOKEN, pace=pace, clock=clock)
        self._lifespan = app.router.lifespan_context(app)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://arm.test", headers=AUTHORIZED)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._runner.run(self._lifespan.__aenter__())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._runner.run(self._lifespan.__aexit__(kind, error, at))
        self._runner.run(self._client.aclose())
        self._runner.close()

    def __call__(self, method: str, path: str, body: Any = None, **query: str) -> httpx.Response:
        """Send a request, of the usual API version unless the path has a query of its own."""
        params = None if "?" in path else {"api-version": API_VERSION} | {f"${name}": query[name] for name in query}
        return self.send(method, path, json=body, params=params)

    def send(self, method: str, url: str, **how: Any) -> httpx.Response:
        """Send a request as it is."""
        return self._runner.run(self._client.request(method, url, **how))

    def poll(self, accepted: httpx.Response) -> httpx.Response:
        """Ask how the operation behind an answer stands."""
        url = accepted.headers.get("Azure-AsyncOperation") or accepted.headers["Location"]
        return self.send("GET", url)

    def done(self, accepted: httpx.Response) -> httpx.Response:
        """Let time pass until the operation behind an answer is over, if there is one; it must have succeeded."""
        assert accepted.status_code in (200, 201, 202), accepted.text
        self.clock.advance(LONG)
        if not accepted.headers.keys() & {"azure-asyncoperation", "location"}:
            return accepted
        ended = self.poll(accepted)
        assert ended.status_code in (200, 204), ended.text
        assert not ended.content or ended.json()["status"] == "Succeeded", ended.text
        return accepted

    def put(self, path: str, **body: Any) -> httpx.Response:
        """PUT a resource in westus2, and wait until it is there."""
        return self.done(self("PUT", path, {"location": "westus2", **body}))

    def shown(self, path: str, **query: str) -> Any:
        """GET what must be there."""
        answer = self("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def power(self, machine: str = "vm") -> str | None:
        """Return the power state of a machine, None when it has none."""
        codes = [
            status["code"] for status in self.shown(f"{COMPUTE}/virtualMachines/{machine}/instanceView")["statuses"]
        ]
        return next((code.partition("/")[2] for code in codes if code.startswith("PowerState/")), None)

    def make_group(self) -> None:
        """Make the resource group that all paths here are in."""
        assert self("PUT", GROUP, {"location": "westus2"}).status_code == 201

    def make_network(self, location: str = "westus2") -> None:
        """Make group, network and subnet."""
        self.make_group()
        space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
        self.put(f"{NETWORK}/virtualNetworks/net", location=location, properties=space)
        self.done(self("PUT", SUBNET, {"properties": {"addressPrefix": "10.0.0.0/24"}}))

    def make_interface(self, name: str = "nic", location: str = "westus2", **properties: Any) -> str:
        """Make an interface in the subnet and return its id."""
        part = {"name": "ipconfig1", "properties": {"subnet": {"id": SUBNET}, **properties}}
        path, own = f"{NETWORK}/networkInterfaces/{name}", {"ipConfigurations": [part]}
        return str(self.put(path, location=location, properties=own).json()["id"])

    def make_machine(self, name: str = "vm", **changes: Any) -> str:
        """Make network, interface and machine, wait until it runs, and return its id."""
        if self("HEAD", GROUP).status_code == 404:
            self.make_network()
        self.make_interface(f"{name}-nic")
        return str(self.done(self.put_machine(name, **changes)).json()["id"])

    def put_machine(self, name: str = "vm", **changes: Any) -> httpx.Response:
        """PUT the usual machine; each change is laid over it at a path like ``osProfile__adminUsername``."""
        body = machine(name)
        for path, value in changes.items():
            *steps, last = path.split("__")
            holder = body if path in ("tags", "zones", "location", "identity", "plan") else body["properties"]
            for step in steps:
                holder = holder.setdefault(step, {})
            holder[last] = value
        return self("PUT", f"{COMPUTE}/virtualMachines/{name}", body)


def machine(name: str = "vm") -> dict[str, Any]:
    """Return the request for the usual machine, on the interface that is named after it."""
    linux = {"disablePasswordAuthentication": True, "ssh": {"publicKeys": [{"keyData": KEY}]}}
    return {
        "location": "westus2",
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_B2s"},
            "storageProfile": {
                "imageReference": dict(IMAGE),
                "osDisk": {"createOption": "FromImage", "name": f"{name}-os"},
                "dataDisks": [],
            },
            "osProfile": {"adminUsername": "mlos", "linuxConfiguration": linux},
            "networkProfile": {"networkInterfaces": [{"id": f"{NETWORK}/networkInterfaces/{name}-nic"}]},
        },
    }


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return answer.status_code, answer.json()["error"]["code"]
