"""The usage and the limits of a subscription in a location."""

from vmops.local.arm.handlers.machines import require_location
from vmops.local.arm.models.compute.quota import usages
from vmops.local.arm.models.network.usages import network_usages
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.wire.messages import Call, Reply
from vmops.local.arm.wire.pages import page


def list_of_compute(cloud: Cloud, call: Call) -> Reply:
    """List the used cores of each family in a location, and the limits."""
    return page(call, usages(cloud, call.names["subscription"], require_location(call)))


def list_of_network(cloud: Cloud, call: Call) -> Reply:
    """List the network resources of each kind in a location, and the limits."""
    return page(call, network_usages(cloud, call.names["subscription"], require_location(call)))
