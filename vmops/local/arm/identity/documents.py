"""The documents that a client reads before it logs in: the cloud's endpoints, and its tenants' issuers."""

from urllib.parse import urlsplit

from vmops.local.arm.state.resource import Json
from vmops.local.azure_hosts import HOSTS, LOGINS, RESOURCE_MANAGER

_ONE_CLOUD = "2022-09-01"
"""The first API version that answers with one cloud instead of a list. Source: hashicorp/go-azure-sdk, azure-cli."""

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
"""The suffixes of services that are not simulated. Source: Azure's public metadata endpoint."""

_WITH_SLASH = (
    *("graph", "graphAudience", "microsoftGraphResourceId", "media", "batch"),
    *("sqlManagement", "activeDirectoryDataLake"),
)
_WITHOUT_SLASH = (
    *("portal", "resourceManager", "appServiceResourceId", "appInsightsResourceId", "attestationResourceId"),
    *("synapseAnalyticsResourceId", "logAnalyticsResourceId", "ossrDbmsResourceId"),
)
"""The keys of endpoints that are all this host. Source: hashicorp/go-azure-sdk, metadata client.

With a slash at the end of ``resourceManager``, clients would request ``//subscriptions``.
"""

_ALIASES = (
    "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/main/arm-compute/quickstart-templates/aliases.json"
)
_TELEMETRY = "https://dc.applicationinsights.azure.com/v2/track"


def endpoints(base: str, api_version: str) -> Json | list[Json]:
    """Describe the cloud at ``base``: one object, or a list of one for the API versions before 2022-09-01.

    Clients of the proxy see the public Azure, whose hosts lead back here. In a list, any other cloud has a name of its
    own: azure-cli would log in to ``AzureCloud`` at Microsoft.
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
    """Describe the token endpoint of a tenant. Source: OpenID Connect Discovery 1.0, section 3."""
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
    """Answer an instance discovery: this host is the login host of the tenant. A host of Azure has its aliases.

    Source: MSAL, instance discovery, which sends its tenant's authorization endpoint.
    """
    tenant = urlsplit(authorization_endpoint).path.strip("/").partition("/")[0] or "common"
    host = urlsplit(base).netloc
    aliases = [*LOGINS] if host in LOGINS else [host]
    return {
        "tenant_discovery_endpoint": f"{base}/{tenant}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": aliases}],
    }
