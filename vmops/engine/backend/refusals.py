"""Recognizes the engine's messages about a state that it refuses: one of a newer engine, or with other keys."""

import re

from vmops.core.failures import Failure, FailureKind

NEWER_ENGINE, OTHER_KEYS = "NewerEngine", "OtherKeys"
"""Our codes for these reasons."""

_REFUSALS = (
    (
        re.compile(
            r"unsupported checkpoint version|deployment version is too new|needs support for the following features"
            r"|'meta.yaml' version \(\d+\) is not supported"
        ),
        NEWER_ENGINE,
        "the engine's state of this VM was made by a newer engine",
        "use that engine (put it on PATH and set VMOPS_ENGINE=path), or deprovision the VM, which does not need the "
        "state",
    ),
    (
        re.compile(r"incorrect passphrase|passphrase must be set|message authentication failed"),
        OTHER_KEYS,
        "the engine's state of this VM was made with other keys",
        "copy keys/passphrase, below VMOPS_STATE_DIR, from the host that made it, or deprovision the VM, which does "
        "not need the state",
    ),
)
"""Source: engine 3.274, pkg/resource/stack, pkg/backend/diy, pkg/secrets/passphrase; Go, crypto/cipher."""


def refused_state(said: str) -> Failure | None:
    """Give the failure if the engine's output says that it refuses the state; else None."""
    for words, code, message, step in _REFUSALS:
        if words.search(said):
            return Failure(FailureKind.ENGINE, message, code, step=step)
    return None
