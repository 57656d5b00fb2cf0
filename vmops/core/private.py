"""Directories and files that only their owner may read, and the check that a state directory can be trusted."""

import os
import pwd
import secrets
import shlex
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from vmops.core.errors import StoreError

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_trusted: set[Path] = set()
"""The directories that this process has checked."""


def make_directory(path: Path) -> None:
    """Make a directory and its missing parents, for its owner only. An existing one is left as it is."""
    if not path.exists():
        make_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def open_file(path: Path, mode: str) -> IO[Any]:
    """Open a file as `open` does. A file that this creates is for its owner only."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace a file atomically, for its owner only. A reader sees the old content or the new, never a part."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open_file(draft, "x" if isinstance(content, str) else "xb") as file:
            file.write(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def trust(state_dir: Path) -> None:
    """Check that no other user can have written to a state directory, if it exists. Each process checks it once.

    It must be trusted: jobs with passwords are sent to a socket in it, and its files say which processes are killed. If
    others may only read it, its mode is changed to 0700.

    Raises: StoreError if it belongs to another user, or others may write to it.
    """
    if state_dir in _trusted:
        return
    with suppress(FileNotFoundError):
        found = state_dir.stat()
        _refuse(state_dir, found)
        if found.st_mode & _OTHERS:
            state_dir.chmod(0o700)
        _trusted.add(state_dir)


def _refuse(state_dir: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        whose, we = _user_name(found.st_uid), _user_name(os.geteuid())
        raise StoreError(
            f"the state directory {state_dir} is {whose}'s, and this is {we}: "
            f"set VMOPS_STATE_DIR to a directory of your own, or run this as {whose}"
        )
    if found.st_mode & _OTHERS_WRITE:
        raise StoreError(
            f"other users may write in the state directory {state_dir} (its mode is "
            f"{stat.S_IMODE(found.st_mode):04o}): set VMOPS_STATE_DIR to a directory that only you may write to, or, "
            f"if you know that all of its content is yours, `chmod 700 {shlex.quote(str(state_dir))}`"
        )


def _user_name(uid: int) -> str:
    """Give a user's name, or ``uid N`` for a user without one."""
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return f"uid {uid}"
