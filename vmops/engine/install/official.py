"""Pulumi's official installer, as a program of its own.

Its arguments are ROOT, VERSION and SECONDS.
"""

import signal
import sys
from urllib.request import urlopen

from pulumi.automation import PulumiCommand
from semver import VersionInfo

from vmops.core import signals

# Source: pulumi.automation.PulumiCommand.install, which fetches it without a timeout.
_INSTALLER = "https://get.pulumi.com/install.sh"


def main(root: str, version: str, seconds: str) -> None:
    """Install a version of the engine below ``root``, if the installer's site answers within ``seconds``.

    Otherwise an alarm ends the program: nothing else limits DNS look-ups and connection attempts.
    """
    signals.reset()
    print(f"no answer from {_INSTALLER}", flush=True)
    signal.alarm(int(seconds))
    urlopen(_INSTALLER).close()
    signal.alarm(0)
    PulumiCommand.install(root=root, version=VersionInfo.parse(version))


if __name__ == "__main__":
    main(*sys.argv[1:])
