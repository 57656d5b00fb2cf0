"""Opens the records that the settings name, of this host or shared, and the secrets that belong to them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from vmops.core import keys
from vmops.core.log_reader import LogReader
from vmops.core.settings import Settings
from vmops.core.state_dir import log_path
from vmops.jobs.operation import Operation
from vmops.jobs.store import Store

if TYPE_CHECKING:
    from vmops.jobs.cluster.secrets import SharedSecrets


def open_store(settings: Settings, timeout: float = 0.0) -> Store:
    """Open the records; if they are shared, retry for ``timeout`` seconds while the database cannot be reached.

    Raises: StoreError, as `Store` does, or if this host lacks the key or the secrets of shared records.
    """
    store = Store(settings.state_dir, settings.database_url, timeout)
    agree_on_secrets(settings, store)
    return store


def agree_on_secrets(settings: Settings, store: Store) -> None:
    """Set this host's secrets to those of all hosts that share its records, if any do. Raises: as `open_store`."""
    if store.is_shared:
        _secrets(settings, store).agree(settings.state_dir)


class Log(Protocol):
    """The log of a worker, while it is written."""

    def news(self) -> list[dict[str, Any]]:
        """Give the events since the last call."""


def log_of(settings: Settings, store: Store, operation: Operation) -> Log:
    """Give what reads the log of an operation: this host's file, or what all hosts have of it."""
    if not store.is_shared:
        return LogReader(log_path(settings.state_dir, operation.stack, operation.id))
    from vmops.jobs.cluster.events import SharedLogReader

    return SharedLogReader(store.shared(), operation.id)


def vm_key(settings: Settings, store: Store, stack: str) -> Path | None:
    """Give the file of the private key that this host, or one that shares its records, made for a VM; None if none."""
    if store.is_shared:
        _secrets(settings, store).fetch_key(settings.state_dir, stack)
    return keys.existing_ssh_key_file(settings.state_dir, stack)


def vm_public_key(settings: Settings, store: Store, stack: str) -> str:
    """Give a VM's public key; if there is none, make a key pair for all hosts that share the records."""
    if store.is_shared:
        return keys.public_line(_secrets(settings, store).share_key(settings.state_dir, stack)).decode()
    return keys.ssh_public_key(settings.state_dir, stack)


def _secrets(settings: Settings, store: Store) -> "SharedSecrets":
    from vmops.core.cluster_key import ClusterKey
    from vmops.jobs.cluster.secrets import SharedSecrets

    return SharedSecrets(store.shared(), ClusterKey.read(settings.cluster_key()))
