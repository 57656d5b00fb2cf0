"""The clouds: endpoint, credential, and the configuration of the engine's provider for each.

Nothing above this module knows whether the cloud is the local Azure or a real one.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vmops.core.state_dir import local_home


@dataclass(frozen=True)
class Cloud:
    """One cloud: where its Resource Manager is, and who may use it.

    ``endpoint`` has no trailing slash. ``token`` and ``provider`` (a port) belong to the local Azure; a real cloud gets
    its token from the caller's Azure login. ``has_guests`` tells whether the cloud reports what runs inside its VMs and
    where to reach it: the local Azure has no network with routes to its VMs' addresses. ``pace`` is the length of one
    of Azure's seconds here, in seconds: 1 in a real cloud. ``prices`` is the URL of its price list, without trailing
    slash; empty if there is none.
    """

    name: str
    endpoint: str
    authority: str = ""
    token: str = field(default="", repr=False)
    provider: int = 0
    has_guests: bool = False
    pace: float = 1.0
    prices: str = ""

    def engine_environment(self) -> dict[str, str]:
        """Give the variables that the engine needs for this cloud.

        Source: Pulumi documentation, environment variables (``PULUMI_DEBUG_PROVIDERS`` attaches to a provider that
        runs; without plug-in look-ups no process searches for one that is not needed).
        """
        if not self.provider:
            return {}
        return {
            "PULUMI_DEBUG_PROVIDERS": f"azure-native:{self.provider}",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def provider_arguments(self, subscription: str) -> dict[str, Any]:
        """Give the arguments of the azure-native ``Provider``: one principal for the engine and for the SDK."""
        if self.provider:
            return {"subscription_id": subscription}
        return {
            "subscription_id": subscription,
            "environment": self.name,
            "use_default_azure_credential": True,
        }


_REAL = {
    "public": Cloud(
        *("public", "https://management.azure.com", "login.microsoftonline.com"), prices="https://prices.azure.com"
    ),
    "usgovernment": Cloud("usgovernment", "https://management.usgovcloudapi.net", "login.microsoftonline.us"),
    "china": Cloud("china", "https://management.chinacloudapi.cn", "login.chinacloudapi.cn"),
}
"""Source: azure-core, ``azure.core.AzureClouds`` and Azure documentation, national clouds' endpoints; Azure Retail
Prices, which knows the public cloud alone (karpenter-provider-azure)."""


_PORTALS = {
    "public": "https://portal.azure.com",
    "usgovernment": "https://portal.azure.us",
    "china": "https://portal.azure.cn",
}
"""Source: Azure documentation, national clouds' endpoints."""


def portal_link(cloud: str, arm_id: str) -> str | None:
    """Give the page of a resource in a cloud's portal; None where there is no portal."""
    return f"{_PORTALS[cloud]}/#@/resource{arm_id}/overview" if cloud in _PORTALS else None


def connect(name: str, state_dir: Path) -> Cloud:
    """Give the cloud of that name. The local one is started if it does not run.

    Raises: StartFailed if the local Azure does not start.
    """
    if name != "local":
        return _REAL[name]
    from vmops.local import daemon

    home = local_home(state_dir)
    here = daemon.ensure(home)
    ours = Cloud("local", here.arm, token=here.token, provider=here.provider, has_guests=True, prices=here.arm)
    return replace(ours, pace=daemon.pace(home))
