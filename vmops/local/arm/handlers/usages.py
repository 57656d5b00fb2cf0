"""How much of everything a subscription uses in a location, and may use."""

from vmops.local.arm.handlers.machines import require_location
from vmops.local.arm.models.compute.quota import usages
from vmops.local.arm.models.network.usages import network_usages
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.wire.messages import Call, Reply
from vmops.local.arm.wire.pages import page


def list_of_compute(cloud: Cloud, call: Call) -> Reply:
    """List how many cores of each family are used in a location, and may be."""
    return page(call, usages(cloud, call.names["subscription"], require_location(call)))


def list_of_network(cloud: Cloud, call: Call) -> Reply:
    """List how many network resources of each kind a location has, and may have."""
    return page(call, network_usages(cloud, call.names["subscription"], require_location(call)))
