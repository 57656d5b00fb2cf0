"""mlos_bench's own service for Azure VMs, sent to the local Azure; its deployments are carried out here.

The host in its URLs is replaced, nothing else. Resource Manager's deployments are not part of the local Azure, so the
one call that deploys a template is answered by a server of this benchmark, which makes a VM by the bare ARM calls.
"""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mlos_bench.environments.status import Status
from mlos_bench.services.base_service import Service
from mlos_bench.services.config_persistence import ConfigPersistenceService
from mlos_bench.services.remote.azure import AzureVMService
from mlos_bench.services.types.authenticator_type import SupportsAuth

from benchmarks.floor import SUBSCRIPTION, Floor
from vmops.local import daemon

_AZURE = "https://management.azure.com"
_TEMPLATE = "services/remote/azure/arm-templates/azuredeploy-ubuntu-vm.jsonc"
_GROUP = "bench"


class _Login(Service, SupportsAuth[str]):
    """Gives the local Azure's token."""

    def __init__(self, token: str, parent: Service) -> None:
        super().__init__(parent=parent, methods=[self.get_auth_headers, self.get_access_token, self.get_credential])
        self._token = token

    def _validate_json_config(self, config: dict[str, Any]) -> None:
        """Accept a class that is not mlos_bench's own."""

    def get_access_token(self) -> str:
        return self._token

    def get_auth_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def get_credential(self) -> str:
        return self._token


class Mlos:
    """The service with its own defaults: it asks every four seconds."""

    def __init__(self, state_dir: Path) -> None:
        here = daemon.ensure(state_dir)
        floor = Floor(state_dir)
        floor.group(_GROUP)
        self._deployments = _serve(floor)
        redirected = {"_URL_DEPLOY": f"http://127.0.0.1:{self._deployments.server_port}"}
        for name in [name for name in dir(AzureVMService) if name.startswith("_URL_")]:
            url = getattr(AzureVMService, name).replace(_AZURE, redirected.get(name, here.arm))
            setattr(AzureVMService, name, url)
        deploys = {"location": "westus2", "vmName": "x", "vmSize": "Standard_B2s", "ubuntuOSVersion": "22.04-LTS"}
        config = {
            "subscription": SUBSCRIPTION,
            "resourceGroup": _GROUP,
            "deploymentTemplatePath": _TEMPLATE,
            "deploymentTemplateParameters": {**deploys, "virtualNetworkName": "net", "subnetName": "sub"},
        }
        self._service = AzureVMService(config, {}, _Login(here.token, ConfigPersistenceService()))

    def up(self, vm: str) -> None:
        """Ask for a VM and wait for it."""
        params = self._see(self._service.provision_host({"vmName": vm}), Status.PENDING)
        self._see(self._service.wait_host_deployment(params, is_setup=True), Status.SUCCEEDED)

    def power(self, vm: str, verb: str) -> None:
        """Call a power verb and wait for it."""
        asked = getattr(self._service, f"{verb}_host")({"vmName": vm})
        params = self._see(asked, Status.PENDING, Status.SUCCEEDED)
        if asked[0] is Status.PENDING:
            self._see(self._service.wait_host_operation({**params, "deploymentName": vm}), Status.SUCCEEDED)

    def down(self, vm: str) -> None:
        """Deprovision, which in mlos_bench deallocates the VM and leaves everything, and wait."""
        params = self._see(self._service.deprovision_host({"vmName": vm}), Status.PENDING, Status.SUCCEEDED)
        if "asyncResultsUrl" in params:
            self._see(self._service.wait_host_operation(params), Status.SUCCEEDED)

    def close(self) -> None:
        """Stop the server."""
        self._deployments.shutdown()

    @staticmethod
    def _see(answer: tuple[Status, dict[str, Any]], *expected: Status) -> dict[str, Any]:
        if answer[0] not in expected:
            raise SystemExit(f"mlos_bench: {answer[0].name}")
        return answer[1]


def _serve(floor: Floor) -> ThreadingHTTPServer:
    deployments = ThreadingHTTPServer(("127.0.0.1", 0), _handler(floor))
    threading.Thread(target=deployments.serve_forever, daemon=True).start()
    return deployments


def _handler(floor: Floor) -> Callable[..., BaseHTTPRequestHandler]:
    states: dict[str, str] = {}

    def deploy(path: str, vm: str) -> None:
        floor.machine(vm, _GROUP)
        states[path] = "Succeeded"

    class Deployments(BaseHTTPRequestHandler):
        """PUT begins a deployment, GET tells how it stands."""

        def do_PUT(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            states[self.path] = "Running"
            vm = asked["properties"]["parameters"]["vmName"]["value"]
            threading.Thread(target=deploy, args=[self.path, vm]).start()
            self._answer(201)

        def do_GET(self) -> None:
            self._answer(200 if self.path in states else 404)

        def _answer(self, status: int) -> None:
            body = json.dumps({"properties": {"provisioningState": states.get(self.path), "parameters": {}}}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Deployments
