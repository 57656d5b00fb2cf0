"""The resource providers of a subscription: all of them are registered, and registering one again changes nothing.

Source: azure-rest-api-specs, Microsoft.Resources, Providers_Get and Providers_Register.
"""

from vmops.local.arm.data.locations import DISPLAY_NAMES
from vmops.local.arm.models import RULES
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import DEPLOYMENT_TYPE
from vmops.local.arm.wire.messages import Call, Reply
from vmops.local.arm.wire.pages import page

# provider → an API version that is known to it; every other one that looks like one is served too.
NAMESPACES = {
    "Microsoft.Compute": "2024-07-01",
    "Microsoft.Network": "2024-05-01",
    "Microsoft.Resources": "2024-03-01",
}


def list_providers(_cloud: Cloud, call: Call) -> Reply:
    """List the providers."""
    return page(call, [_provider(call, namespace) for namespace in NAMESPACES])


def get_provider(_cloud: Cloud, call: Call) -> Reply:
    """Show a provider; to register one is answered the same."""
    return Reply(200, _provider(call, call.path.split("/")[4]))


def _provider(call: Call, namespace: str) -> Json:
    kinds = [kind.partition("/") for kind in (*(each.type for each in RULES.values()), DEPLOYMENT_TYPE)]
    locations = list(DISPLAY_NAMES.values())
    return {
        "id": f"/subscriptions/{call.names['subscription']}/providers/{namespace}",
        "namespace": namespace,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": "Registered",
        "resourceTypes": [
            {"resourceType": kind, "locations": locations, "apiVersions": [NAMESPACES[namespace]]}
            for provider, _, kind in kinds
            if provider == namespace
        ],
    }
