"""The environment variables that lead Azure's clients to the local Azure's proxy, and to no other host."""

from vmops.local.arm.data.tenant import TENANT
from vmops.local.endpoint import Endpoint

_LOOPBACK = "127.0.0.1,localhost,::1"
_CLIENT = "7d2ba6c4-4d37-5f1b-9f0e-6d2f3b1c8a55"
"""Our own client id: any is accepted, but some clients require a GUID."""

_PROXY = ("HTTPS_PROXY", "https_proxy")
_DIRECT = ("NO_PROXY", "no_proxy")
_TRUST = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
_TENANT = ("AZURE_TENANT_ID", "AZURE_TENANT")
_SECRET = ("AZURE_CLIENT_SECRET", "AZURE_SECRET")
"""The variables for each value. Source: requests, OpenSSL, curl, Node.js; azure-identity; Ansible's azure.azcollection.
"""

NAMES = (*_PROXY, *_DIRECT, *_TRUST, *_TENANT, "AZURE_CLIENT_ID", *_SECRET, "AZURE_SUBSCRIPTION_ID")


def variables(here: Endpoint) -> dict[str, str]:
    """Give the variables for a local Azure with a proxy; they contain its secret."""
    return {
        **dict.fromkeys(_PROXY, here.proxy),
        **dict.fromkeys(_DIRECT, _LOOPBACK),
        **dict.fromkeys(_TRUST, here.ca),
        **dict.fromkeys(_TENANT, TENANT),
        "AZURE_CLIENT_ID": _CLIENT,
        **dict.fromkeys(_SECRET, here.token),
        "AZURE_SUBSCRIPTION_ID": TENANT,
    }
