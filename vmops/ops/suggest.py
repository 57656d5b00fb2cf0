"""Commands that are suggested to a person, ready to paste into a shell."""

import shlex
from collections.abc import Collection, Mapping
from typing import Any

from vmops.jobs.operation import Verb
from vmops.protocol import HANDLE
from vmops.spec.rules.values import pairs
from vmops.spec.vm_spec import VmSpec

_WHICH = ("cloud", "subscription", "resourceGroup")
"""Parameters that, beside the name, identify a VM."""

_NOT_SPEC = frozenset({"vmName", *_WHICH, "pollInterval", "pollTimeout", "deployTimeout", "requestTimeout"})
"""Parameters that do not describe the VM itself: its identity, and the options of waiting."""

_DEFAULTS: Mapping[str, Any] = VmSpec.model_construct().model_dump(mode="json", by_alias=True)


def shell_command(verb: str, params: Mapping[str, Any], *options: str) -> str:
    """Write a command for the VM that ``params`` identify, ready to paste into a shell."""
    which = [word for key in _WHICH if params.get(key) is not None for word in ("-p", f"{key}={params[key]}")]
    name = [str(params["vmName"])] if params.get("vmName") else []
    return shlex.join(["vmops", verb, *name, *which, *options])


def provision_command(params: Mapping[str, Any], given: Mapping[str, Any], secrets: Collection[str] = ()) -> str:
    """Write the command that repeats a request, with the ``given`` values that are not defaults.

    Secrets, and values that ``-p`` cannot express, are left to ``--same``.
    """
    wanted = {name: value for name, value in given.items() if name not in _NOT_SPEC and value != _DEFAULTS.get(name)}
    words = {name: text for name, value in wanted.items() if (text := _word(value)) is not None}
    options = [word for name, text in words.items() for word in ("-p", f"{name}={text}")]
    return shell_command(
        "provision", params, *options, *(["--same"] if secrets or words.keys() != wanted.keys() else [])
    )


def _word(value: object) -> str | None:
    """Write a value as ``-p`` reads it, a list or mapping with commas; None if it would be read differently."""
    if isinstance(value, Mapping):
        text = ",".join(f"{name}={content}" for name, content in value.items())
        return text if _reads_as(text, value) else None
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reads_as(text: str, value: Mapping[str, Any]) -> bool:
    try:
        return pairs(text) == value
    except ValueError:
        return False


def follow_up_command(verb: str, params: Mapping[str, Any]) -> str:
    """Write the command that waits for a started verb: by the VM's name for a deployment, else by the handle."""
    if params.get("vmName") and verb in set(Verb):
        return shell_command("wait", params, *(["--gone"] if verb == Verb.DEPROVISION else []))
    return shell_command("wait", params, "-p", f"{HANDLE}={params[HANDLE]}")
