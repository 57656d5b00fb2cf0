"""Secrets that all hosts share: sealed rows, and on each host the files that they stand for.

The first host to make one wins, and all read it back.
"""

from pathlib import Path

from vmops.core import keys, private
from vmops.core.cluster_key import ClusterKey
from vmops.core.errors import StoreError
from vmops.core.state_dir import digest_key_path, passphrase_path, ssh_key_path
from vmops.jobs.cluster.sealing import SEALED_BY, SECRETS, sealed_by
from vmops.jobs.tables import Tables

_OF_HOSTS = "SELECT name, sealed FROM secrets WHERE name IN ('passphrase', 'digest')"
_FIRST = "INSERT INTO secrets (name, sealed) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING name"


class SharedSecrets:
    """The secrets of the hosts that share the records in ``tables``; ``key`` opens them."""

    def __init__(self, tables: Tables, key: ClusterKey) -> None:
        self._tables, self._key = tables, key

    def agree(self, state_dir: Path) -> None:
        """Set this host's passphrase and digest key to those of all hosts; the first host's become the shared ones.

        Raises: StoreError if this host has different ones already, which something here may have been made with.
        """
        found = {row["name"]: bytes(row["sealed"]) for row in self._tables.select(_OF_HOSTS)}
        for name, path in (("passphrase", passphrase_path(state_dir)), ("digest", digest_key_path(state_dir))):
            if name in found:
                shared = self._key.open(SECRETS, name, found[name])
            else:
                shared = self._first(name, _local(name, state_dir))
            _lay_down(path, shared)

    def fetch_key(self, state_dir: Path, stack: str) -> None:
        """Copy the key of a VM to this host, if any host has made one."""
        path = ssh_key_path(state_dir, stack)
        if not path.exists() and (shared := self._find(f"ssh/{stack}")) is not None:
            private.make_directory(path.parent)
            private.write_whole(path, shared.decode())

    def share_key(self, state_dir: Path, stack: str) -> bytes:
        """Give the key that all hosts have of a VM; the first host makes it, or shares its own.

        It becomes a file here once this host wants to log in (`fetch_key`); another one here is removed.
        """
        own = keys.existing_ssh_key_file(state_dir, stack)
        mine = own.read_bytes() if own else keys.new_private_key()
        shared = self._first(f"ssh/{stack}", mine)
        if own and shared != mine:
            own.unlink()
            own.with_name(f"{own.name}.pub").unlink(missing_ok=True)
        return shared

    def _find(self, name: str) -> bytes | None:
        found = self._tables.select("SELECT sealed FROM secrets WHERE name = ?", (name,))
        return self._key.open(SECRETS, name, bytes(found[0]["sealed"])) if found else None

    def _first(self, name: str, mine: bytes) -> bytes:
        """Offer a secret, and give the one that was first."""
        (now,) = self._tables.select(SEALED_BY)
        sealed = self._key.seal(SECRETS, name, mine, sealed_by(now))
        if self._tables.select(_FIRST, (name, sealed)):
            return mine
        return self._find(name) or mine


def _local(name: str, state_dir: Path) -> bytes:
    return keys.digest_key(state_dir) if name == "digest" else keys.passphrase_file(state_dir).read_bytes()


def _lay_down(path: Path, shared: bytes) -> None:
    if not path.exists():
        private.make_directory(path.parent)
        with private.open_file(path, "wb") as file:
            file.write(shared)
    elif path.read_bytes() != shared:
        raise StoreError(
            f"{path} is not that of the hosts that share their records: set VMOPS_STATE_DIR to a directory of its own, "
            "or, before any host has begun, run `vmops cluster init --from` with this one"
        )
