"""The calls that are suggested to a person, to be pasted into a shell."""

import shlex
from collections.abc import Mapping
from typing import Any

from vmops.jobs.operation import Verb
from vmops.protocol import HANDLE

_WHICH = ("cloud", "subscription", "resourceGroup")
"""Parameters that say, beside its name, which VM is meant."""


def shell_command(verb: str, params: Mapping[str, Any], *options: str) -> str:
    """Write a call that means the same VM as ``params``, to be pasted into a shell."""
    which = [word for key in _WHICH if params.get(key) is not None for word in ("-p", f"{key}={params[key]}")]
    name = [str(params["vmName"])] if params.get("vmName") else []
    return shlex.join(["vmops", verb, *name, *which, *options])


def follow_up_command(verb: str, params: Mapping[str, Any]) -> str:
    """Write the call that waits for what a verb has begun: by the VM's name for a deployment, else by the handle."""
    if params.get("vmName") and verb in set(Verb):
        return shell_command("wait", params, *(["--gone"] if verb == Verb.DEPROVISION else []))
    return shell_command("wait", params, "-p", f"{HANDLE}={params[HANDLE]}")
