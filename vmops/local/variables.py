"""The environment variables by which Azure's clients find the local Azure behind its proxy, and nothing else."""

from vmops.local.arm.data.tenant import TENANT
from vmops.local.endpoint import Endpoint

_LOOPBACK = "127.0.0.1,localhost,::1"
_CLIENT = "7d2ba6c4-4d37-5f1b-9f0e-6d2f3b1c8a55"
"""Ours: any client id is taken; some clients want one that looks like Azure's."""

_PROXY = ("HTTPS_PROXY", "https_proxy")
_DIRECT = ("NO_PROXY", "no_proxy")
_TRUST = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
_TENANT = ("AZURE_TENANT_ID", "AZURE_TENANT")
_SECRET = ("AZURE_CLIENT_SECRET", "AZURE_SECRET")
"""The names for each thing. Source: requests, OpenSSL, curl, Node.js; azure-identity; Ansible's azure.azcollection."""

NAMES = (*_PROXY, *_DIRECT, *_TRUST, *_TENANT, "AZURE_CLIENT_ID", *_SECRET, "AZURE_SUBSCRIPTION_ID")


def variables(here: Endpoint) -> dict[str, str]:
    """Give them for a local Azure that has a proxy; the secret is among them."""
    return {
        **dict.fromkeys(_PROXY, here.proxy),
        **dict.fromkeys(_DIRECT, _LOOPBACK),
        **dict.fromkeys(_TRUST, here.ca),
        **dict.fromkeys(_TENANT, TENANT),
        "AZURE_CLIENT_ID": _CLIENT,
        **dict.fromkeys(_SECRET, here.token),
        "AZURE_SUBSCRIPTION_ID": TENANT,
    }
