"""The resource providers of a subscription: the served ones are registered, any other can be.

Source: azure-rest-api-specs, Microsoft.Resources, Providers_Get and Providers_Register.
"""

import re

from vmops.local.arm.data.absent import ABSENT
from vmops.local.arm.data.locations import DISPLAY_NAMES
from vmops.local.arm.models import RULES
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import DEPLOYMENT_TYPE
from vmops.local.arm.wire.messages import Call, Reply
from vmops.local.arm.wire.pages import page

# provider → one of its API versions; every other well-formed version is served too.
NAMESPACES = {
    "Microsoft.Compute": "2024-07-01",
    "Microsoft.Network": "2024-05-01",
    "Microsoft.Resources": "2024-03-01",
    "Microsoft.ManagedIdentity": "2023-01-31",
    "Microsoft.Authorization": "2022-04-01",
}
_KIND = "provider"
_NAME = re.compile(r"[a-z]\w*(?:\.[a-z]\w*)+", re.IGNORECASE)
_AUTHORIZATION = ("locks", "roleAssignments", "roleDefinitions")
_BESIDE = (*ABSENT, DEPLOYMENT_TYPE, *(f"Microsoft.Authorization/{kind}" for kind in _AUTHORIZATION))
"""Types without rules of their own."""


def list_providers(cloud: Cloud, call: Call) -> Reply:
    """List the registered providers."""
    base = _key(call, "")
    more = [found["namespace"] for key, found in cloud.store.documents.of_kind(_KIND) if key.startswith(base)]
    return page(call, [_shown(call, namespace, "Registered") for namespace in (*NAMESPACES, *more)])


def get_provider(_cloud: Cloud, call: Call) -> Reply:
    """Show a served provider; its registration has the same answer."""
    return Reply(200, _shown(call, call.path.split("/")[4], "Registered"))


def get_other(cloud: Cloud, call: Call) -> Reply:
    """Show a provider that is not served."""
    found = cloud.store.documents.find(_KIND, _key(call, _named(call)))
    if found is None:
        return Reply(200, _shown(call, _named(call), "NotRegistered"))
    return Reply(200, _shown(call, found["namespace"], "Registered"))


def register_other(cloud: Cloud, call: Call) -> Reply:
    """Register a provider that is not served, at once."""
    key = _key(call, _named(call))
    if cloud.store.documents.find(_KIND, key) is None:
        cloud.store.documents.put(_KIND, key, {"namespace": _named(call)})
    return get_other(cloud, call)


def known_namespaces() -> str:
    """List the served namespaces."""
    return f"it has {', '.join(NAMESPACES)}"


def _named(call: Call) -> str:
    """Return the namespace in the path; raises ``ArmError`` InvalidResourceNamespace if it is malformed."""
    namespace = call.names["namespace"]
    if not _NAME.fullmatch(namespace):
        raise ArmError("InvalidResourceNamespace", namespace=namespace, known=known_namespaces())
    return namespace


def _key(call: Call, namespace: str) -> str:
    return f"{call.names['subscription']}/{namespace}".lower()


def _shown(call: Call, namespace: str, state: str) -> Json:
    kinds = [kind.partition("/") for kind in (*(rules.type for rules in RULES.values()), *_BESIDE)]
    locations = list(DISPLAY_NAMES.values())
    return {
        "id": f"/subscriptions/{call.names['subscription']}/providers/{namespace}",
        "namespace": namespace,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": state,
        "resourceTypes": [
            {"resourceType": kind, "locations": locations, "apiVersions": [NAMESPACES[namespace]]}
            for provider, _, kind in kinds
            if provider == namespace
        ],
    }
