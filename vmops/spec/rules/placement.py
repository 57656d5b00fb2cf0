"""Rules for the proximity placement group, and for where the console's output is stored."""

import re

from vmops.spec.rules.arm_ids import arm_id
from vmops.spec.rules.values import boolean, text

_ACCOUNT = re.compile(r"https://[a-z0-9]{3,24}\.blob\.[a-z0-9.-]+/?")


def proximity(value: object) -> str:
    """Check the id of a proximity placement group."""
    return arm_id(value, "Microsoft.Compute/proximityPlacementGroups")


def boot_diagnostics(value: object) -> str:
    """Return true or false as a word, or a storage account's URL. Source: compute REST reference, BootDiagnostics."""
    if isinstance(value, str) and _ACCOUNT.fullmatch(address := text(value)):
        return address
    try:
        return str(boolean(value)).lower()
    except ValueError:
        raise ValueError(f"{value!r} is not true, false or https://ACCOUNT.blob.…, a storage account") from None
