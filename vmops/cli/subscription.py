"""The default subscription of a real cloud: the environment's, or the Azure CLI's."""

import os
from typing import Any

from vmops.cli.console import note
from vmops.core import children
from vmops.core.settings import Settings
from vmops.ops.api import VMOps
from vmops.protocol import Params

_VARIABLE = "AZURE_SUBSCRIPTION_ID"
"""Source: Azure SDK documentation, environment variables."""

_COMMAND = ("az", "account", "show", "--query", "id", "--output", "tsv")
_AZ_TIMEOUT = 30.0
"""Seconds to wait for `az`, if no ``requestTimeout`` is set."""


def with_subscription(ops: VMOps, params: Params) -> VMOps:
    """Give vmops with a default subscription, and print it, if the cloud is a real one and none is named.

    A VM with a record on this host has the subscription of that record.
    """
    if not _is_needed(ops.settings, params):
        return ops
    where, chosen = _chosen(ops, params)
    if not chosen:
        return ops
    note(f"subscription {chosen}, by {where}")
    return VMOps(ops.settings.model_copy(update={"subscription": chosen}))


def in_subscription(params: dict[str, Any]) -> dict[str, Any]:
    """Give parameters with a default subscription, as `with_subscription` does; records are opened only if needed."""
    if not _is_needed(Settings(), params):
        return params
    chosen = with_subscription(VMOps(), params).settings.subscription
    return {"subscription": chosen, **params} if chosen else params


def _is_needed(settings: Settings, params: Params) -> bool:
    named = params.get("subscription") or settings.subscription
    return str(params.get("cloud") or settings.cloud) != "local" and not named


def _chosen(ops: VMOps, params: Params) -> tuple[str, str]:
    """Give the source and the id of a subscription: this host's record of the VM, else the environment, else `az`."""
    which = {name: params.get(name) for name in ("vmName", "cloud")}
    known = ops.history(which) if params.get("vmName") else []
    if real := [each for each in known if each.cloud != "local"]:
        return "the records of this host", real[0].subscription
    if given := os.environ.get(_VARIABLE):
        return _VARIABLE, given
    timeout = ops.settings.request_timeout or _AZ_TIMEOUT
    return "az", children.answer(_COMMAND, env=os.environ, timeout=timeout)
