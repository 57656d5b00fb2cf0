"""A guest's own directories before its first boot: an account, and those settings of this host that all may read.

The process that becomes the guest makes them, by relative names in the guest's directory.
"""

import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vmops.local.guests.file_system import CHOICES, DISK

_SETTINGS = Path("/etc")
_AUTHORITIES = Path("/etc/ssl/certs")
_TEMPORARY = DISK / "mnt"
_SYSTEM_USERS = 1000
"""Accounts below this number are the system's. Source: login.defs(5), UID_MIN."""

_LOGS = ("log", "lib/vmops", "tmp", "cache", "spool")


@dataclass(frozen=True)
class Account:
    """A guest's account: its host name, the user who logs in, that user's public keys, and the first boot's work."""

    name: str
    user: str
    keys: tuple[str, ...]
    first_boot: bytes = field(default=b"", repr=False)


def prepare(account: Account, *, fresh: bool) -> None:
    """Create a guest's directories unless they are complete; with ``fresh``, empty its temporary disk."""
    DISK.mkdir(exist_ok=True)
    if fresh:
        shutil.rmtree(_TEMPORARY, ignore_errors=True)
    if not (DISK / "etc").exists():
        _make(account)


def _make(account: Account) -> None:
    """Create them. The settings are written last, whole or not at all: they show that everything is there."""
    _make_home(account)
    for name in _LOGS:
        (DISK / "var" / name).mkdir(parents=True, exist_ok=True)
    if account.first_boot:
        first = DISK / "var/lib/vmops/first-boot"
        first.write_bytes(account.first_boot)
        first.chmod(0o700)
    draft = DISK / "etc.new"
    shutil.rmtree(draft, ignore_errors=True)
    _copy(_SETTINGS, draft)
    _name(account, draft)
    draft.rename(DISK / "etc")


def _make_home(account: Account) -> None:
    keys = DISK / "home" / account.user / ".ssh/authorized_keys"
    keys.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys.write_text("".join(f"{key.strip()}\n" for key in account.keys))
    keys.chmod(0o600)


def _copy(source: Path, target: Path) -> None:
    """Copy the files that everybody may read.

    Links to certificate authorities are left out: a guest reaches no host that they certify.
    """
    target.mkdir(mode=0o755)
    if source == CHOICES:
        return
    for each in source.iterdir():
        with suppress(OSError):
            mode = each.lstat().st_mode
            if source != _AUTHORITIES or not stat.S_ISLNK(mode):
                _copy_one(each, mode, target / each.name)


def _copy_one(source: Path, mode: int, target: Path) -> None:
    if stat.S_ISLNK(mode):
        target.symlink_to(source.readlink())
    elif stat.S_ISDIR(mode) and mode & stat.S_IXOTH:
        _copy(source, target)
    elif stat.S_ISREG(mode) and mode & stat.S_IROTH:
        shutil.copyfile(source, target)
        target.chmod(0o755 if mode & stat.S_IXUSR else 0o644)


def _name(account: Account, settings: Path) -> None:
    """Give the guest its host name and its accounts: the user who logs in is root under another name."""
    system = [line for line in _lines(settings / "passwd") if 0 < int(line.split(":")[2]) < _SYSTEM_USERS]
    shell = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
    ours = [f"{account.user}:x:0:0::/home/{account.user}:{shell}", f"root:x:0:0:root:/root:{shell}"]
    texts = {
        "hostname": account.name,
        "hosts": f"127.0.0.1 localhost\n127.0.1.1 {account.name}\n::1 localhost",
        "passwd": "\n".join([*ours, *system]),
        "resolv.conf": "# there is no network but the guest's own",
    }
    for name, text in texts.items():
        (settings / name).unlink(missing_ok=True)
        (settings / name).write_text(f"{text}\n")


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.count(":") >= 6]
