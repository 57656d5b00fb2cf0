"""The complete environment of an engine."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from vmops.azure.clouds import Cloud
from vmops.core import backends, private
from vmops.core.environment import filtered_environment

_NO_LOGS = "This file keeps the engine from writing logs of its own here. See the logs of vmops instead.\n"


def engine_environment(cloud: Cloud, backend: str, home: Path, passphrase: Path, scratch: Path) -> dict[str, str]:
    """Give the engine's environment: the variables of our allow-list, and every ``PULUMI_*`` that it needs.

    - The passphrase is passed as a file name, never by value.
    - The engine does not list all stacks only to warn of stacks in an old format: ours are new.
    - It reads one stack after the other: with PostgreSQL each needs a second connection, and parallel reads deadlock.
    - It writes each file of a backend of files once, which saves 7 % of the processor time of a fleet's removal.
    - It collects garbage half as often as by default, which saves 5 % of processor time for up to 7 MB of memory.
    - It gets a name and a home for its user, which a container's user may lack.

    Source: Pulumi documentation, environment variables; engine 3.274, pkg/backend/diy; Go documentation, packages
    runtime and os/user.
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
        "PULUMI_BACKEND_URL": backends.without_sidecars(backend),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DIY_BACKEND_NO_LEGACY_WARNING": "true",
        "PULUMI_DIY_BACKEND_PARALLEL": "1",
        "GOGC": "200",
        **cloud.engine_environment(),
    }


def shared_environment(database_url: str | None, epoch: int) -> dict[str, str]:
    """Give the variables for an engine whose state hosts share: the schema, and the epoch of the writer's claim.

    The engine opens twice as many connections as Go uses processors, so that number is limited. Source: PostgreSQL
    documentation, environment variables; engine 3.274, pkg/backend/diy/postgres.
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
    with suppress(IsADirectoryError):  # an engine of an earlier vmops has just created it: the next call tries again
        logs.write_text(_NO_LOGS)
