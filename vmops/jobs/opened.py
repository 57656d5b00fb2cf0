"""Opens the records that the settings name, this host's own or shared ones, and the secrets that go with them."""

from pathlib import Path
from typing import TYPE_CHECKING

from vmops.core import keys
from vmops.core.settings import Settings
from vmops.jobs.store import Store

if TYPE_CHECKING:
    from vmops.jobs.cluster.secrets import SharedSecrets


def open_store(settings: Settings, patience: float = 0.0) -> Store:
    """Open the records; if they are shared, wait ``patience`` seconds for a database that is away.

    Raises: StoreError, as `Store` does, or if this host lacks the key or the secrets of shared records.
    """
    store = Store(settings.state_dir, settings.database_url, patience)
    if store.is_shared:
        _secrets(settings, store).agree(settings.state_dir)
    return store


def vm_key(settings: Settings, store: Store, stack: str) -> Path | None:
    """Give the private key made for one VM, by this host or one that shares its records; None if none was."""
    if store.is_shared:
        _secrets(settings, store).fetch_key(settings.state_dir, stack)
    return keys.existing_ssh_key_file(settings.state_dir, stack)


def vm_public_key(settings: Settings, store: Store, stack: str) -> str:
    """Give the public half of a VM's key; if there is none, make one for all hosts that share the records."""
    if store.is_shared:
        return keys.public_line(_secrets(settings, store).share_key(settings.state_dir, stack)).decode()
    return keys.ssh_public_key(settings.state_dir, stack)


def _secrets(settings: Settings, store: Store) -> "SharedSecrets":
    from vmops.core.cluster_key import ClusterKey
    from vmops.jobs.cluster.secrets import SharedSecrets

    return SharedSecrets(store.shared(), ClusterKey.read(settings.cluster_key()))
