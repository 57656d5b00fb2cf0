"""What a client reads before it logs in: the cloud's endpoints, and where its tenants issue tokens."""

from urllib.parse import urlsplit

from vmops.local.arm.state.resource import Json
from vmops.local.azure_hosts import HOSTS, LOGINS, RESOURCE_MANAGER

_ONE_CLOUD = "2022-09-01"
"""The API version from which on one cloud is answered, and not a list. Source: hashicorp/go-azure-sdk, azure-cli."""

_SUFFIXES = {
    "storage": "core.windows.net",
    "keyVaultDns": "vault.azure.net",
    "mhsmDns": "managedhsm.azure.net",
    "sqlServerHostname": "database.windows.net",
    "mysqlServerEndpoint": "mysql.database.azure.com",
    "postgresqlServerEndpoint": "postgres.database.azure.com",
    "mariadbServerEndpoint": "mariadb.database.azure.com",
    "acrLoginServer": "azurecr.io",
    "azureFrontDoorEndpointSuffix": "azurefd.net",
    "storageSyncEndpointSuffix": "afs.azure.net",
    "synapseAnalytics": "dev.azuresynapse.net",
    "attestationEndpoint": "attest.azure.net",
    "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
    "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
}
"""The names of services that are not simulated. Source: Azure's public metadata endpoint."""

_WITH_SLASH = (
    *("graph", "graphAudience", "microsoftGraphResourceId", "media", "batch"),
    *("sqlManagement", "activeDirectoryDataLake"),
)
_WITHOUT_SLASH = (
    *("portal", "resourceManager", "appServiceResourceId", "appInsightsResourceId", "attestationResourceId"),
    *("synapseAnalyticsResourceId", "logAnalyticsResourceId", "ossrDbmsResourceId"),
)
"""The keys of endpoints that are all this host. Source: hashicorp/go-azure-sdk, metadata client.

A slash at the end of ``resourceManager`` would make its clients ask for ``//subscriptions``.
"""

_ALIASES = (
    "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/main/arm-compute/quickstart-templates/aliases.json"
)
_TELEMETRY = "https://dc.applicationinsights.azure.com/v2/track"


def endpoints(base: str, api_version: str) -> Json | list[Json]:
    """Describe the cloud at ``base``: one object, or a list of one for the API versions before 2022-09-01.

    Who comes through the proxy sees the public Azure, whose hosts lead back there. Any other cloud has, in a list, a
    name of its own: azure-cli sends whoever logs in to ``AzureCloud`` to Microsoft's own login.
    """
    public = urlsplit(base).hostname in HOSTS
    cloud = _cloud(f"https://{RESOURCE_MANAGER}", f"https://{LOGINS[0]}") if public else _cloud(base, base)
    if api_version >= _ONE_CLOUD:
        return {"name": "AzureCloud", **cloud}
    return [{"name": "AzureCloud" if public else "AzureLocal", **cloud}]


def _cloud(base: str, login: str) -> Json:
    authentication = {
        "loginEndpoint": login,
        "audiences": [f"{base}/", "https://management.core.windows.net/"],
        "tenant": "common",
        "identityProvider": "AAD",
    }
    return {
        "authentication": authentication,
        **dict.fromkeys(_WITHOUT_SLASH, base),
        **dict.fromkeys(_WITH_SLASH, f"{base}/"),
        "appInsightsTelemetryChannelResourceId": _TELEMETRY,
        "vmImageAliasDoc": _ALIASES,
        "suffixes": _SUFFIXES,
    }


def openid(base: str, tenant: str) -> Json:
    """Describe where a tenant issues tokens. Source: OpenID Connect Discovery 1.0, section 3."""
    return {
        "issuer": f"{base}/{tenant}/v2.0",
        "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
        "jwks_uri": f"{base}/{tenant}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["HS256"],
    }


def discovery(base: str, authorization_endpoint: str) -> Json:
    """Say that this host is the authority of its tenants; Azure's own has the other names that it is known by, too.

    Source: MSAL, instance discovery; it asks with the endpoint at which its tenant would authorize.
    """
    tenant = urlsplit(authorization_endpoint).path.strip("/").partition("/")[0] or "common"
    host = urlsplit(base).netloc
    aliases = [*LOGINS] if host in LOGINS else [host]
    return {
        "tenant_discovery_endpoint": f"{base}/{tenant}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": aliases}],
    }
