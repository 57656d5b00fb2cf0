"""What cannot be read is set aside: moved to where nobody looks for it, and never deleted."""

import shutil
import time
from contextlib import suppress
from pathlib import Path

from vmops.core import private
from vmops.core.log import get_logger


def set_aside(path: Path, place: Path) -> None:
    """Move a file, or a directory that is in the place of one, into the directory ``place``; nothing if it is gone.

    There it has a name that nothing else has. Raises: OSError if it cannot be moved.
    """
    private.make_directory(place)
    kept = place / f"{path.name}.{time.time_ns()}"
    with suppress(FileNotFoundError):
        shutil.move(path, kept)
        get_logger().warning("set_aside", what=str(path), kept=str(kept))
