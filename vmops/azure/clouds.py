"""The clouds: endpoint, credential, and the configuration of the engine's provider for each.

Nothing above this module knows whether the cloud is the local Azure or a real one.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vmops.core.state_dir import local_home


@dataclass(frozen=True)
class Cloud:
    """One cloud: the endpoint of its Resource Manager, and the credential for it.

    - ``endpoint``: without a trailing slash.
    - ``token``, ``provider`` (a port): only for the local Azure; a real cloud uses the caller's Azure login.
    - ``has_guests``: whether the cloud reports what runs inside its VMs and where to reach it, as the local Azure does,
      because there are no routes to its VMs' addresses.
    - ``pace``: the length of a second of Azure's time, in seconds; 1 in a real cloud.
    - ``prices``: the URL of the price list, without a trailing slash; empty if there is none.
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

        Source: Pulumi documentation, environment variables (``PULUMI_DEBUG_PROVIDERS`` attaches to a running provider;
        the other one turns off the search for plug-ins).
        """
        if not self.provider:
            return {}
        return {
            "PULUMI_DEBUG_PROVIDERS": f"azure-native:{self.provider}",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def provider_arguments(self, subscription: str) -> dict[str, Any]:
        """Give the arguments of the azure-native ``Provider``, so that the engine uses the same login as the SDK."""
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
Prices, which lists only the public cloud (karpenter-provider-azure)."""


_PORTALS = {
    "public": "https://portal.azure.com",
    "usgovernment": "https://portal.azure.us",
    "china": "https://portal.azure.cn",
}
"""Source: Azure documentation, national clouds' endpoints."""


def portal_link(cloud: str, arm_id: str) -> str | None:
    """Give the URL of a resource in a cloud's portal; None for a cloud without a portal."""
    return f"{_PORTALS[cloud]}/#@/resource{arm_id}/overview" if cloud in _PORTALS else None


def connect(name: str, state_dir: Path) -> Cloud:
    """Give the cloud with a name. The local Azure is started if it does not run.

    Raises: StartFailed if the local Azure does not start.
    """
    if name != "local":
        return _REAL[name]
    from vmops.local import daemon

    home = local_home(state_dir)
    here = daemon.ensure(home)
    ours = Cloud("local", here.arm, token=here.token, provider=here.provider, has_guests=True, prices=here.arm)
    return replace(ours, pace=daemon.pace(home))
