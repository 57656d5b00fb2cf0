"""mlos_bench's own services for Azure, with their own templates, on the local Azure.

Only the host in their URLs and the login are replaced.
"""

from pathlib import Path
from typing import Any, TypeVar

from mlos_bench.environments.status import Status
from mlos_bench.services.base_service import Service
from mlos_bench.services.config_persistence import ConfigPersistenceService
from mlos_bench.services.remote.azure import AzureNetworkService, AzureVMService
from mlos_bench.services.types.authenticator_type import SupportsAuth

from benchmarks.floor import SUBSCRIPTION, Floor
from vmops.local import daemon

_AZURE = "https://management.azure.com"
_TEMPLATES = "services/remote/azure/arm-templates"
_WHERE = {"location": "westus2"}
_NETWORK = {**_WHERE, "vnetName": "net", "subnetName": "sub"}
_MACHINE = {**_WHERE, "virtualNetworkName": "net", "subnetName": "sub", "vmSize": "Standard_B2s"}
# a version that its template allows and that the template's offer has
_VERSION = {"ubuntuOSVersion": "18.04-LTS"}
GROUP = "bench"
S = TypeVar("S", bound=Service)


class _Login(Service, SupportsAuth[str]):
    """Gives the local Azure's token."""

    def __init__(self, token: str, parent: Service) -> None:
        super().__init__(parent=parent, methods=[self.get_auth_headers, self.get_access_token, self.get_credential])
        self._token = token

    def _validate_json_config(self, config: dict[str, Any]) -> None:
        """Let mlos_bench accept a class of ours."""

    def get_access_token(self) -> str:
        return self._token

    def get_auth_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def get_credential(self) -> str:
        return self._token


class Mlos:
    """The service with its own defaults; ``interval`` are the seconds between two polls, by default four."""

    def __init__(self, state_dir: Path, interval: float | None = None) -> None:
        here = daemon.ensure(state_dir)
        Floor(state_dir).group(GROUP)
        login = _Login(here.token, ConfigPersistenceService())
        changes = {} if interval is None else {"_POLL_INTERVAL": interval}
        network = _sent_to(here.arm, AzureNetworkService, changes)(_config("ARM-virtual-network", _NETWORK), {}, login)
        asked = network.provision_network({"vnetName": "net"})
        self._see(network.wait_network_deployment(self._see(asked, Status.PENDING), is_setup=True), Status.SUCCEEDED)
        config = _config("azuredeploy-ubuntu-vm", {**_MACHINE, **_VERSION, "vmName": "x"})
        self._service = _sent_to(here.arm, AzureVMService, changes)(config, {}, login)

    def up(self, vm: str) -> None:
        """Provision a VM and wait for it."""
        params = self._see(self._service.provision_host({"vmName": vm}), Status.PENDING)
        self._see(self._service.wait_host_deployment(params, is_setup=True), Status.SUCCEEDED)

    def power(self, vm: str, verb: str) -> None:
        """Call a power verb and wait until it is done."""
        asked = getattr(self._service, f"{verb}_host")({"vmName": vm})
        params = self._see(asked, Status.PENDING, Status.SUCCEEDED)
        if asked[0] is Status.PENDING:
            self._see(self._service.wait_host_operation({**params, "deploymentName": vm}), Status.SUCCEEDED)

    def down(self, vm: str) -> None:
        """Deprovision and wait; in mlos_bench that deallocates the VM and deletes nothing."""
        params = self._see(self._service.deprovision_host({"vmName": vm}), Status.PENDING, Status.SUCCEEDED)
        if "asyncResultsUrl" in params:
            self._see(self._service.wait_host_operation(params), Status.SUCCEEDED)

    @staticmethod
    def _see(answer: tuple[Status, dict[str, Any]], *expected: Status) -> dict[str, Any]:
        if answer[0] not in expected:
            raise SystemExit(f"mlos_bench: {answer[0].name}")
        return answer[1]


def _config(template: str, parameters: dict[str, str]) -> dict[str, Any]:
    return {
        "subscription": SUBSCRIPTION,
        "resourceGroup": GROUP,
        "deploymentTemplatePath": f"{_TEMPLATES}/{template}.jsonc",
        "deploymentTemplateParameters": parameters,
        "requestTimeout": 20,  # as in its own configurations
    }


def _sent_to(arm: str, service: type[S], changes: dict[str, Any]) -> type[S]:
    """Give a service with another endpoint in its URLs; mlos_bench's schema still accepts it."""
    urls = {name: getattr(service, name) for name in dir(service) if name.startswith("_URL_")}
    moved = {name: url.replace(_AZURE, arm) for name, url in urls.items()}
    return type(service.__name__, (service,), {"__module__": service.__module__, **moved, **changes})
