"""The guests' process, in which a guest may import nothing: ``python -m tests.guest_host STATE_DIR``."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from vmops.local.guests import process, ssh_server

NAMESPACE = Path("/proc/self/ns/user")
OUTSIDE = NAMESPACE.readlink()


class Nothing:
    """Refuses every import in a guest, and prints the name of the module."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not _is_inside():
            return None
        sys.stderr.write(f"imported too late: {name}\n")
        raise ImportError(f"{name} is imported in a guest, where it is not")


def _is_inside() -> bool:
    """Tell whether this process has changed its namespaces since its start, or has no process id in them."""
    try:
        return NAMESPACE.readlink() != OUTSIDE
    except OSError:
        return True


if __name__ == "__main__":
    ssh_server.IDLE = 1.0  # short, so that tests find it ended
    sys.meta_path.insert(0, Nothing())
    process.main(Path(sys.argv[1]))
