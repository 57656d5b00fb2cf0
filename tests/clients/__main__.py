"""Install Azure's own clients and run what the docs say of them: ``python -m tests.clients az,js``.

Each is installed once, in the user's cache directory, and runs against its own local Azure, behind the proxy.
"""

import argparse
import sys
import time

from tests.clients.guide import SECTIONS, Guide, guide
from tests.clients.place import Failed, install, left, local_azure, type_in


def main() -> int:
    """Run the clients; 1 if one fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("clients", nargs="?", default=",".join(SECTIONS), help="which, with commas between (all)")
    clients = parser.parse_args().clients.split(",")
    if unknown := sorted({*clients} - {*SECTIONS}):
        parser.error(f"no such client: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    return 1 if [client for client in clients if not _works(client)] else 0


def _works(client: str) -> bool:
    began = time.monotonic()
    try:
        print(f"{client}: installing", flush=True)
        _run(client, guide(client))
    except Failed as failure:
        print(f"{client}: {failure}", flush=True)
        return False
    print(f"{client}: works, {time.monotonic() - began:.0f} s", flush=True)
    return True


def _run(client: str, told: Guide) -> None:
    """Run everything in the docs. Raises: Failed, if something failed or is left."""
    directory = install(client, told)
    (directory / "output").unlink(missing_ok=True)
    with local_azure() as state_dir:
        mine = {"VMOPS_STATE_DIR": str(state_dir), "AZURE_CONFIG_DIR": str(state_dir / "azure-cli")}
        for command in told.run:
            print(f"{client}: {command}", flush=True)
            try:
                type_in(directory, command, mine)
            except Failed as failure:
                raise Failed(f"{failure}, see '{directory / 'output'}'") from None
        if ids := left(state_dir):
            raise Failed(f"it has left {', '.join(ids)}")


if __name__ == "__main__":
    sys.exit(main())
