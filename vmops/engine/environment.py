"""All that an engine finds in its environment."""

import os
from pathlib import Path

from vmops.azure.clouds import Cloud
from vmops.core import backends
from vmops.core.environment import filtered_environment


def engine_environment(cloud: Cloud, backend: str, home: Path, passphrase: Path, scratch: Path) -> dict[str, str]:
    """Give the engine's environment: what is allowed of ours, and every ``PULUMI_*`` that it needs set by us.

    The passphrase goes by the name of its file, never by value. No engine lists all stacks just to warn of old ones
    (ours are new), and each reads one stack after the other: where the backend is PostgreSQL it asks for each on a
    second connection, and those that are asked for at once wait for ever for one another's. Each collects its garbage
    half as often as Go does of itself: a twentieth less of processor time for up to 7 MB more. Source: Pulumi
    documentation, environment variables; engine 3.274, pkg/backend/diy; Go documentation, package runtime.
    """
    if directory := backends.directory_of(backend):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        **filtered_environment(os.environ, cloud=cloud.name, backend=backend),
        "TMPDIR": str(scratch),
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": backend,
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_ENABLE_AUTOMATIC_LOGGING": "false",
        "PULUMI_DIY_BACKEND_NO_LEGACY_WARNING": "true",
        "PULUMI_DIY_BACKEND_PARALLEL": "1",
        "GOGC": "200",
        **cloud.engine_environment(),
    }
