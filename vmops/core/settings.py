"""The settings for all calls of a program, read from the environment with the prefix ``VMOPS_``."""

import getpass
import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from platformdirs import user_state_path
from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from vmops.core import backends, durations
from vmops.core.errors import SpecError
from vmops.core.state_dir import backend_path, cluster_key_path

CloudName = Literal["local", "public", "usgovernment", "china"]
"""The supported clouds: the local Azure, and Azure's own."""


Seconds = Annotated[float, BeforeValidator(durations.seconds)]
PositiveSeconds = Annotated[float, BeforeValidator(durations.positive_seconds)]

_LONGEST_PATH = 450
"""Longest path of the state directory, in bytes: a database's path in it, with SQLite's suffix, has at most 512.

Source: SQLite, ``SQLITE_MAX_PATHNAME`` of ``os_unix.c``.
"""


def _refuse_unusable(path: str) -> None:
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        raise ValueError("it is not UTF-8, and the engine takes only UTF-8 paths") from None
    if length > _LONGEST_PATH:
        raise ValueError(f"it is {length} bytes long, and may have at most {_LONGEST_PATH}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def _state_dir() -> Path:
    """Give the default state directory. For a user without a home it stays unexpanded, and is refused later."""
    with suppress(RuntimeError):
        return user_state_path("vmops")
    return Path("~/.local/state/vmops")


class Settings(BaseSettings):
    """Where vmops keeps its state, the default cloud, the owner of the VMs, and limits.

    Each can be given in the environment (``VMOPS_STATE_DIR``, ``VMOPS_CLOUD`` …) or by keyword. A parameter of a call
    takes precedence over the setting of the same name. Durations are in seconds, or have a unit ("2h").

    - ``engine_silence``: how long an engine that works on no resource may print nothing before it is ended; also how
      long a read of its backend may take.
    - ``workers``: how many deployments run at once; by default what the cores and the memory allow.
    - ``worker_idle``: how long the fork server stays without jobs; 0 for no fork server.
    - ``database_url``: a PostgreSQL database in which hosts share their records.
    - ``cluster_key_file``: the key of the secrets in that database.
    - ``queue``: the queue from which workers of the cluster take jobs.
    - ``claim_seconds``, ``claim_renew``: how long a claim to a VM lasts, and how often it is renewed.
    """

    model_config = SettingsConfigDict(env_prefix="VMOPS_", env_ignore_empty=True, frozen=True)

    state_dir: Path = Field(default_factory=_state_dir, validate_default=True)
    cloud: CloudName = "local"
    subscription: str | None = None
    location: str | None = None
    owner: str = Field(default_factory=_user)
    database_url: str | None = None
    backend_url: str | None = None
    engine: str | None = None
    engine_silence: PositiveSeconds = 600.0
    deploy_timeout: PositiveSeconds | None = None
    request_timeout: PositiveSeconds | None = None
    poll_interval: Seconds | None = None
    poll_timeout: Seconds | None = None
    worker_idle: Seconds = 300.0
    workers: int | None = Field(default=None, ge=1)
    cluster_key_file: Path | None = None
    queue: str = Field(default="default", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    claim_seconds: PositiveSeconds = 15.0
    claim_renew: PositiveSeconds = 3.0

    def __init__(self, **given: Any) -> None:
        """Read the settings.

        Raises: SpecError, with one sentence for every setting that breaks a rule.
        """
        try:
            super().__init__(**given)
        except ValidationError as refusal:
            problems = [_sentence(str(each["loc"][0]), each["input"], each["msg"]) for each in refusal.errors()]
        else:
            return
        raise SpecError(problems)

    @field_validator("state_dir")
    @classmethod
    def _usable_path(cls, state_dir: Path) -> Path:
        """Make the path absolute, so that a worker in another directory uses the same one."""
        try:
            path = state_dir.expanduser().absolute()
        except RuntimeError:
            raise ValueError("this user has no home: set it to the absolute path of a directory to write to") from None
        _refuse_unusable(str(path))
        return path

    @field_validator("backend_url")
    @classmethod
    def _known_backend(cls, url: str | None, validated: ValidationInfo) -> str | None:
        database = validated.data.get("database_url")
        if url and database and url != backends.of_database(database):
            raise ValueError("VMOPS_DATABASE_URL holds the engine's state, too: leave this out")
        if url and not url.startswith(backends.PREFIXES):
            raise ValueError(f"a Pulumi backend's URL begins with {', '.join(backends.PREFIXES)}")
        return url

    @field_validator("database_url")
    @classmethod
    def _database_without_password(cls, url: str | None) -> str | None:
        if url and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("the URL of a database in PostgreSQL begins with postgresql://")
        if url and (urlsplit(url).password or "password=" in url):
            raise ValueError("a password does not belong in it: put it into the file that PGPASSFILE names")
        return url

    @field_validator("claim_renew")
    @classmethod
    def _renewed_in_time(cls, renew: float, validated: ValidationInfo) -> float:
        longest = validated.data.get("claim_seconds", renew * 2)
        if renew * 2 > longest:
            raise ValueError(f"it must be at most half of VMOPS_CLAIM_SECONDS, {longest:g}")
        return renew

    def defaults(self) -> dict[str, Any]:
        """Give the settings that are defaults of parameters, under the parameters' names."""
        named = {
            "cloud": self.cloud,
            "subscription": self.subscription,
            "location": self.location,
            "deployTimeout": self.deploy_timeout,
            "requestTimeout": self.request_timeout,
            "pollInterval": self.poll_interval,
            "pollTimeout": self.poll_timeout,
        }
        return {name: value for name, value in named.items() if value is not None}

    def cluster_key(self) -> Path:
        """Give the file of the cluster's key: the setting, else one below the state directory."""
        return self.cluster_key_file or cluster_key_path(self.state_dir)

    @property
    def ride_out(self) -> float:
        """Give for how many seconds a worker waits for an unreachable shared database before it stops."""
        return 4 * self.claim_seconds

    def shared(self) -> dict[str, str]:
        """Give the settings of shared records, as environment variables; empty if records are not shared."""
        if not self.database_url:
            return {}
        shared = {
            "database_url": self.database_url,
            "cluster_key_file": self.cluster_key(),
            "queue": self.queue,
            "claim_seconds": self.claim_seconds,
            "claim_renew": self.claim_renew,
        }
        return {f"VMOPS_{name.upper()}": str(value) for name, value in shared.items()}

    def backend(self) -> str:
        """Give the URL of the Pulumi backend: the hosts' database, the setting, or files below the state directory."""
        if self.database_url:
            return backends.of_database(self.database_url)
        return self.backend_url or backends.of_directory(backend_path(self.state_dir))


def _sentence(name: str, given: object, rule: str) -> str:
    """Say which setting breaks which rule. Only the scheme of a URL is shown: the rest may contain a password."""
    shown = f"{str(given).partition('://')[0]}://…" if "://" in str(given) else given
    shown, says = str(shown) if isinstance(shown, Path) else shown, rule.removeprefix("Value error, ")
    return f"VMOPS_{name.upper()}: {says if says.startswith(repr(given)) else f'{shown!r}: {says}'}"
