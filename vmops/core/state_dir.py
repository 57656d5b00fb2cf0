"""The paths below the state directory.

operations.db   the records: what was asked and how it ended
operations.lock the lock of whoever creates the records, or moves them aside
backend/        the engine's state of each stack
locks/          one lock file for each VM, and for each slot
aside/          records that could not be read
forkserver/     the fork server's socket
keys/           passphrase, digest key, SSH keys, the cluster's key
ssh/            OpenSSH's configuration for the VMs
logs/           a log for each operation
prices/         cached prices of VMs
stacks/         the engine's settings of each stack
engines/        notes of the engines at work, where the backend has no files
scratch/        temporary files of one run of the engine
pulumi/         the engine's home: plug-ins and workspaces
local/          the local Azure: its machines, ports, token
"""

import os
from pathlib import Path

MAKE_ROOM = "make room on the disk of VMOPS_STATE_DIR, or let it be written to, then call again"
"""The next step after a failure to write there."""


def records_path(state_dir: Path) -> Path:
    """Give the database of the operation records."""
    return state_dir / "operations.db"


def aside_path(state_dir: Path) -> Path:
    """Give the directory of unreadable files that were moved aside."""
    return state_dir / "aside"


def renewal_path(state_dir: Path) -> Path:
    """Give the lock file of whoever creates the database of the records, or moves it aside."""
    return state_dir / "operations.lock"


def backend_path(state_dir: Path) -> Path:
    """Give the directory of the engine's state, for a backend of files."""
    return state_dir / "backend"


def lock_path(state_dir: Path, stack: str) -> Path:
    """Give the lock file of a VM; whoever changes the VM holds it."""
    return state_dir / "locks" / f"{stack}.lock"


def liveness_lock_path(state_dir: Path, stack: str, verb: str) -> Path:
    """Give the lock file that the worker of a VM's newest operation with such a verb holds while it runs."""
    writer = lock_path(state_dir, stack)
    return writer.with_suffix(".teardown") if verb == "deprovision" else writer


def slot_path(state_dir: Path, verb: str, number: int) -> Path:
    """Give the lock file of one slot; every running deployment holds one."""
    return state_dir / "locks" / "slots" / f"{verb}-{number}"


def gate_path(state_dir: Path) -> Path:
    """Give the lock file that serializes sending a job to the fork server and the fork server's exit."""
    return state_dir / "locks" / "forkserver.lock"


def socket_path(state_dir: Path, kind: str) -> Path:
    """Give the socket of the fork server for one version of the code."""
    return state_dir / "forkserver" / f"{kind}.sock"


def server_output_path(state_dir: Path) -> Path:
    """Give the file for the fork server's output."""
    return state_dir / "logs" / "forkserver.out"


def passphrase_path(state_dir: Path) -> Path:
    """Give the file with the passphrase of the engine's secrets."""
    return state_dir / "keys" / "passphrase"


def digest_key_path(state_dir: Path) -> Path:
    """Give the file with the key of the digests."""
    return state_dir / "keys" / "digest"


def cluster_key_path(state_dir: Path) -> Path:
    """Give the file with the key of hosts that share their records."""
    return state_dir / "keys" / "cluster"


def ssh_key_path(state_dir: Path, stack: str) -> Path:
    """Give the private key that is made for one VM."""
    return state_dir / "keys" / "ssh" / stack


def ssh_path(state_dir: Path) -> Path:
    """Give the directory of OpenSSH's configuration for the VMs."""
    return state_dir / "ssh"


def log_path(state_dir: Path, stack: str, operation_id: str) -> Path:
    """Give the log file of an operation's worker, with one JSON object a line."""
    return state_dir / "logs" / stack / f"{operation_id}.jsonl"


def output_path(state_dir: Path, stack: str, operation_id: str) -> Path:
    """Give the file for a worker's output."""
    return log_path(state_dir, stack, operation_id).with_suffix(".out")


def work_path(state_dir: Path, stack: str) -> Path:
    """Give the directory with the engine's settings of a stack."""
    return state_dir / "stacks" / stack


def engine_notes_path(state_dir: Path) -> Path:
    """Give the directory of the notes about running engines, for a backend without files."""
    return state_dir / "engines"


def scratch_path(state_dir: Path, name: str) -> Path:
    """Give the directory for the temporary files of one run of the engine."""
    return state_dir / "scratch" / name


def engine_home(state_dir: Path) -> Path:
    """Give the engine's own home, for plug-ins and workspaces."""
    return state_dir / "pulumi"


def prices_path(state_dir: Path, cloud: str) -> Path:
    """Give the directory of a cloud's cached prices."""
    return state_dir / "prices" / cloud


def local_home(state_dir: Path) -> Path:
    """Give the state directory of the local Azure: ``VMOPS_LOCAL_AZURE`` if hosts share one, else the given one."""
    shared = os.environ.get("VMOPS_LOCAL_AZURE")
    return Path(shared).absolute() if shared else state_dir


def local_path(state_dir: Path) -> Path:
    """Give the directory of the local Azure."""
    return state_dir / "local"
