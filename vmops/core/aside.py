"""Move unreadable files aside: they are kept for a person to look at, and never deleted."""

import shutil
import time
from contextlib import suppress
from pathlib import Path

from vmops.core import private
from vmops.core.log import get_logger


def set_aside(path: Path, place: Path) -> None:
    """Move a file or directory into the directory ``place``, under a name that is unique there.

    It may be gone already. Raises: OSError if it cannot be moved.
    """
    private.make_directory(place)
    kept = place / f"{path.name}.{time.time_ns()}"
    with suppress(FileNotFoundError):
        shutil.move(path, kept)
        get_logger().warning("set_aside", what=str(path), kept=str(kept))
