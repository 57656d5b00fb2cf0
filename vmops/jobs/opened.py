"""The records as the settings say: this host's own, or those that it shares, with the secrets that go with them."""

from vmops.core.settings import Settings
from vmops.jobs.store import Store


def open_store(settings: Settings, patience: float = 0.0) -> Store:
    """Open the records; where hosts share them, a database that is away is waited for so many seconds.

    Raises: StoreError, as `Store` does, or if this host has not the key or the secrets of those that share them.
    """
    store = Store(settings.state_dir, settings.database_url, patience)
    if settings.database_url:
        from vmops.core.cluster_key import ClusterKey
        from vmops.jobs.cluster.secrets import SharedSecrets

        SharedSecrets(store.shared(), ClusterKey.read(settings.cluster_key())).agree(settings.state_dir)
    return store
