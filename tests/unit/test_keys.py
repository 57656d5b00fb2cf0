"""The secrets that vmops makes: once, readable only by the owner."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from tests.unit.processes import race
from vmops.core import keys

STACK = "exp1-0a1b2c3d"
SECRETS: dict[str, Callable[[Path], object]] = {
    "passphrase_file": keys.passphrase_file,
    "digest_key": keys.digest_key,
    "ssh_public_key": lambda state_dir: keys.ssh_public_key(state_dir, STACK),
}


@pytest.mark.parametrize("make", SECRETS.values(), ids=SECRETS)
def test_a_secret_has_mode_0600(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """In a directory of mode 0700, without a temporary file beside it."""
    make(tmp_path / "state")
    made = list((tmp_path / "state" / "keys").rglob("*"))
    assert {stat.filemode(path.stat().st_mode) for path in made} <= {"-rw-------", "drwx------"}
    assert [path for path in made if path.name.startswith(".")] == []


@pytest.mark.parametrize("make", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_made_once(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """Another passphrase would make the engine's state unreadable."""
    assert make(tmp_path) == make(tmp_path)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) <= 2


@pytest.mark.parametrize(
    "secret",
    [
        "keys.passphrase_file(state_dir).read_text()",
        "keys.digest_key(state_dir).hex()",
        "keys.ssh_key_file(state_dir, 'exp1').read_text().splitlines()",
        "keys.ssh_public_key(state_dir, 'exp1')",
    ],
)
def test_racing_processes_make_one_secret(tmp_path: Path, secret: str) -> None:
    """None reads a partial file."""
    read = race(f"from vmops.core import keys\nstate_dir = Path(sys.argv[1])\npause()\nprint({secret})", tmp_path)
    assert len(set(read)) == 1
    assert len(read[0]) >= 32


def test_the_public_key_belongs_to_the_private_key(tmp_path: Path) -> None:
    """In the form of ``authorized_keys``, of a kind that Azure accepts."""
    private = load_ssh_private_key(keys.ssh_key_file(tmp_path, STACK).read_bytes(), password=None)
    assert isinstance(private, Ed25519PrivateKey)
    half = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert keys.ssh_public_key(tmp_path, STACK) == f"{half} vmops"


@pytest.mark.parametrize("stacks", [("exp1-0a1b2c3d", "exp2-0a1b2c3d"), ("exp.1-0a1b2c3d", "exp.2-4e5f6a7b")])
def test_each_vm_has_its_own_key(tmp_path: Path, stacks: tuple[str, str]) -> None:
    """The key made for one VM opens no other, whatever characters its name has."""
    assert len({keys.ssh_public_key(tmp_path, stack) for stack in stacks}) == 2


def test_existing_ssh_key_file_makes_no_key(tmp_path: Path) -> None:
    """A VM with a given key does not get another one."""
    assert keys.existing_ssh_key_file(tmp_path, STACK) is None
    made = keys.ssh_key_file(tmp_path, STACK)
    assert keys.existing_ssh_key_file(tmp_path, STACK) == made
