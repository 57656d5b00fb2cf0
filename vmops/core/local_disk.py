"""Checks that a directory is on a local disk, where file locks and SQLite's write-ahead log are safe."""

from pathlib import Path

from vmops.core.errors import StoreError

_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "glusterfs"}
)
"""File systems on which SQLite's locks and WAL are not safe. Source: SQLite documentation, write-ahead logging."""


def require(directory: Path) -> None:
    """Check that the directory of the records is on a local disk.

    Raises: StoreError, naming the file system, if it is not.
    """
    from vmops.core.processes import file_system

    kind = file_system(directory)
    if kind.lower() in _NETWORK_FILE_SYSTEMS:
        raise StoreError(
            f"the state directory {directory} is on a network file system ({kind}), where its locks are not safe; "
            "set VMOPS_STATE_DIR to a directory on a local disk"
        )
