"""Opens the cloud and the stack of a VM for reading only."""

from contextlib import AbstractContextManager

from vmops.core.settings import Settings
from vmops.deploy.context import DeployContext, open_for_reading
from vmops.jobs.stack_records import StackRecords
from vmops.jobs.store import Store
from vmops.spec.target import Target


def reading(settings: Settings, store: Store, target: Target) -> AbstractContextManager[DeployContext]:
    """Open the cloud and the stack, with this host's records. A read may take as long as an engine may be silent.

    Raises: as `open_for_reading`.
    """
    records = StackRecords(store, target.stack)
    return open_for_reading(settings, target, records, longest=settings.engine_silence)
