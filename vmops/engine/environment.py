"""The complete environment of an engine."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from vmops.azure.clouds import Cloud
from vmops.core import backends, private
from vmops.core.environment import filtered_environment

_NO_LOGS = (
    "The engine keeps no logs of its own here, because this is no directory; what it does is in vmops' own logs.\n"
)


def engine_environment(cloud: Cloud, backend: str, home: Path, passphrase: Path, scratch: Path) -> dict[str, str]:
    """Give the engine's environment: our allowed variables, and every ``PULUMI_*`` that it needs.

    The passphrase is passed as a file name, never by value. No engine lists all stacks just to warn of old ones: ours
    are new. Each reads one stack after the other, because with PostgreSQL each stack needs a second connection, and
    parallel reads can deadlock. Garbage is collected half as often as Go's default: that saves a twentieth of the
    processor time for up to 7 MB of memory. The engine wants its user to have a name and a home, which a container's
    user may lack. Source: Pulumi documentation, environment variables; engine 3.274, pkg/backend/diy; Go documentation,
    packages runtime and os/user.
    """
    if directory := backends.directory_of(backend):
        private.make_directory(directory)
    _keep_no_logs(home)
    return {
        "HOME": str(home),
        "USER": f"uid-{os.geteuid()}",
        **filtered_environment(os.environ, cloud=cloud.name, backend=backend),
        "TMPDIR": str(scratch),
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": backend,
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DIY_BACKEND_NO_LEGACY_WARNING": "true",
        "PULUMI_DIY_BACKEND_PARALLEL": "1",
        "GOGC": "200",
        **cloud.engine_environment(),
    }


def shared_environment(database_url: str | None, epoch: int) -> dict[str, str]:
    """Give what an engine finds beside it where hosts share its state: its schema, and the epoch of who writes it.

    Each opens twice as many connections as it thinks that it has processors. Source: PostgreSQL documentation,
    environment variables; engine 3.274, pkg/backend/diy/postgres.
    """
    if not database_url:
        return {}
    claimed = f" -c vmops.epoch={epoch}" if epoch else ""
    return {"PGOPTIONS": f"-c search_path={backends.SCHEMA}{claimed}", "GOMAXPROCS": "2"}


def _keep_no_logs(home: Path) -> None:
    """Stop the engine from writing a log file for each of its commands, and delete the existing ones.

    No setting turns these logs off. Without the directory for them, the engine runs without logs. Source: engine 3.274,
    pkg/logging: ``StartLogging``.
    """
    logs = home / "logs"
    if logs.is_file():
        return
    private.make_directory(home)
    shutil.rmtree(logs, ignore_errors=True)
    with suppress(IsADirectoryError):  # an engine of an earlier version has just begun: the next looks again
        logs.write_text(_NO_LOGS)
