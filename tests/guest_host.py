"""The guests' process, whose children may import nothing any more: ``python -m tests.guest_host STATE_DIR``."""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from vmops.local.guests import process


class Nothing:
    """Finds no module, and says which was looked for."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        sys.stderr.write(f"imported too late: {name}\n")
        raise ImportError(f"{name} is imported in a guest, where it is not")


if __name__ == "__main__":
    os.register_at_fork(after_in_child=lambda: sys.meta_path.insert(0, Nothing()))
    process.main(Path(sys.argv[1]))
