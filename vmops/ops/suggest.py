"""The calls that are suggested to a person, to be pasted into a shell."""

import shlex
from collections.abc import Mapping
from typing import Any

from vmops.jobs.operation import Verb
from vmops.protocol import HANDLE

_WHICH = ("cloud", "subscription", "resourceGroup")
"""Parameters that say, beside its name, which VM is meant."""


def call(verb: str, params: Mapping[str, Any], *options: str) -> str:
    """Write a call that means the same VM as ``params``, to be pasted into a shell."""
    which = [word for key in _WHICH if params.get(key) is not None for word in ("-p", f"{key}={params[key]}")]
    name = [str(params["vmName"])] if params.get("vmName") else []
    return shlex.join(["vmops", verb, *name, *which, *options])


def call_to_follow(verb: str, params: Mapping[str, Any]) -> str:
    """Write the call that waits for what a verb has begun: by the VM's name for a deployment, else by the handle."""
    if params.get("vmName") and verb in set(Verb):
        return call("wait", params, *(["--gone"] if verb == Verb.DEPROVISION else []))
    return call("wait", params, "-p", f"{HANDLE}={params[HANDLE]}")
