"""Removes a VM, or switches its power, when this host cannot write records: in the calling process, through ARM only.

No engine and no worker is started, because both need records and files. The VM's resources are found by their tags, by
the default names, and by the records as far as they can be read. A missing record proves nothing.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vmops.azure import cleanup, inventory
from vmops.azure.client import Arm
from vmops.azure.clouds import connect
from vmops.azure.ownership import Claim
from vmops.core import file_lock
from vmops.core.errors import OperationFailed, RecordsUnusable
from vmops.core.log import get_logger
from vmops.core.settings import Settings
from vmops.core.state_dir import liveness_lock_path
from vmops.jobs.admission import lock_conflict
from vmops.jobs.operation import Verb
from vmops.spec.target import Target

_LOCK_TIMEOUT = 5.0
"""Seconds to wait for a lock: its holder may be about to release it."""


def remove(settings: Settings, target: Target, claim: Claim, *, mark: str, why: RecordsUnusable) -> None:
    """Remove all of our resources of a VM, and verify that they are gone.

    ``mark`` is the mark of the holder that removes the VM; a VM with another mark is left alone.

    Raises: OperationFailed (locked) if somebody works on the VM, (conflict) if it is another's, or with the resources
    that could not be removed; CloudError if ARM refuses a read.
    """
    from vmops.deploy import holding
    from vmops.deploy.context import TRANSIENT_RETRY_SECONDS

    get_logger().warning("removed_without_records", vm=target.vm_name, cause=str(why))
    arm = Arm(connect(target.cloud, settings.state_dir), target.request_timeout, TRANSIENT_RETRY_SECONDS)
    with locked(settings.state_dir, target.stack):
        seen = inventory.read_cross_checked(arm, claim)
        cleanup.refuse_another_owner(seen, claim)
        for machine in seen.machines if mark else ():
            holding.require(machine, mark)
        again = inventory.repeat_after(arm.pace, 0.0, seen)
        patience = cleanup.CleanupPolling(target.poll_interval, target.deploy_timeout, again)
        cleanup.delete_owned(arm, claim, patience, keep_group=target.keep_group)


@contextmanager
def locked(state_dir: Path, stack: str) -> Iterator[None]:
    """Hold both locks of a VM; a lock whose file cannot be written is logged and skipped.

    Raises: OperationFailed (locked) if somebody works on the VM.
    """
    with ExitStack() as held:
        for path in dict.fromkeys(liveness_lock_path(state_dir, stack, verb) for verb in Verb):
            try:
                descriptor = file_lock.acquire(path, _LOCK_TIMEOUT)
            except OSError as error:
                get_logger().warning("without_lock", lock=str(path), cause=str(error))
                continue
            if descriptor is None:
                raise OperationFailed(lock_conflict(None))
            held.callback(os.close, descriptor)
        yield


@contextmanager
def recorded() -> Iterator[None]:
    """Raise `RecordsUnusable` for an `OSError`: a disk without room for a lock, a log or a job has none for records."""
    try:
        yield
    except OSError as error:
        raise RecordsUnusable(f"the state directory cannot be used: {error}") from error
