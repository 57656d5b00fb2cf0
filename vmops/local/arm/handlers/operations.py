"""The answers to clients that poll."""

from vmops.local.arm.handlers.resources import shown
from vmops.local.arm.models import kind_of
from vmops.local.arm.models.compute.data_disks import ATTACH_DETACH
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state import lro
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.lro import Operation
from vmops.local.arm.wire.messages import Call, Reply

_WRITES = ("put", "update")
_EMPTY = ("Microsoft.Network", "Microsoft.Resources")
"""Providers whose deletions end with 204; that of a group, which has no provider, ends with 200."""


def get_status(cloud: Cloud, call: Call) -> Reply:
    """Answer a poll: always 200, with the status in the body; with ``monitor``, answer as for the result."""
    if "monitor" in call.query:
        return get_result(cloud, call)
    operation = _operation(cloud, call)
    return Reply(200, lro.status_body(operation), _pause(cloud, operation))


def get_result(cloud: Cloud, call: Call) -> Reply:
    """Answer a poll for the result: 202 while the operation runs, then what an immediate answer would have been.

    That is the present resource for a write, the disks for their change, and nothing for a deletion or a power verb.
    Source: ARM RPC, async-api-reference; recorded traffic, azure-mgmt-compute 12.
    """
    operation = _operation(cloud, call)
    if operation.status == lro.RUNNING:
        links = lro.links(operation, call.base, call.api_version, result=True)
        return Reply(202, None, {"Location": links["Location"]} | _pause(cloud, operation))
    if operation.error:
        return Reply(409, {"error": operation.error})
    if operation.verb in (*_WRITES, ATTACH_DETACH):
        body = shown(cloud, call, kind_of(operation.target).get(cloud, operation.target))
        return Reply(200, body if operation.verb in _WRITES else body["properties"]["storageProfile"])
    return Reply(204 if operation.target.provider in _EMPTY else 200)


def _operation(cloud: Cloud, call: Call) -> Operation:
    operation = cloud.store.operation(call.names["operation"])
    if operation is None or operation.target.subscription.lower() != call.names["subscription"].lower():
        raise ArmError("NotFound:compute")
    return operation


def _pause(cloud: Cloud, operation: Operation) -> dict[str, str]:
    return lro.pause(operation, cloud.now(), cloud.pace, first=False) if operation.status == lro.RUNNING else {}
