"""The lock file: the exact values that a VM was made with, so that the same VM can be made again."""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from vmops.core.errors import SpecError
from vmops.spec import custom_data, text_file
from vmops.spec.rules import images, values

PARAMETER = "lockFile"

_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
"""The cost of one guess for an attacker: 16 MiB and some hundredths of a second. Source: RFC 7914; Python
documentation, hashlib.
"""

NOT_PINNED = frozenset(
    {"vmName", "cloud", "subscription", "resourceGroup", "adminPasswordOrKey", "ttl", "stopMode", "keepGroup"}
    | {"maxHourlyPrice", "budget", "prefer"}
    | {"waitFor", "pollInterval", "pollTimeout", "deployTimeout", "requestTimeout", "asyncResultsUrl", PARAMETER}
)
"""Parameters that a lock file does not pin: where the VM is, who logs in, how long it lives, and how to wait."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class LockedImage(_Part):
    """An image as it was requested, and the version that was used."""

    publisher: str
    offer: str
    sku: str
    version: str
    exact_version: str

    @property
    def exact(self) -> str:
        """Write the four parts with the exact version."""
        return f"{self.publisher}:{self.offer}:{self.sku}:{self.exact_version}"


class LockedDisk(_Part):
    """A disk: its size in GiB, and its type."""

    size: int = Field(alias="sizeGB")
    type: str


class HashedText(_Part):
    """The scrypt hash of custom data, with its salt, both in hexadecimal."""

    scrypt: str
    salt: str

    @classmethod
    def of(cls, text: str) -> "HashedText":
        """Hash a text with a new salt."""
        salt = secrets.token_bytes(16)
        return cls(scrypt=scrypt_hash(text, salt), salt=salt.hex())

    def matches(self, text: str) -> bool:
        """Tell whether this is the hash of a text."""
        return hmac.compare_digest(scrypt_hash(text, bytes.fromhex(self.salt)), self.scrypt)


class Made(_Part):
    """What Azure reported of the VM; ``image`` is None if the image was given by its id (``imageId``)."""

    image: LockedImage | None
    vm_size: str
    location: str
    zone: str | None
    priority: str
    os_disk: LockedDisk
    data_disks: tuple[LockedDisk, ...]
    custom_data: HashedText | None


class Tools(_Part):
    """The versions of the tools that made the VM."""

    vmops: str
    engine: str
    azure_native: str


class Guest(_Part):
    """What runs inside the VM."""

    kernel: str


class LockFile(_Part):
    """The whole content of a lock file."""

    lock_version: Literal[1] = 1
    vm_name: str
    parameters: Mapping[str, Any]
    made: Made
    tools: Tools
    guest: Guest | None = None

    @property
    def pinned(self) -> dict[str, Any]:
        """Give the parameters that make the same VM: the given ones, and the values that were used."""
        given = {name: value for name, value in self.parameters.items() if name not in {*NOT_PINNED, "ubuntuOSVersion"}}
        made = self.made
        place = {"vmSize": made.vm_size, "location": made.location, "zone": made.zone, "priority": made.priority}
        disks = {"osDiskType": made.os_disk.type, "dataDisks": [disk.size for disk in made.data_disks] or None}
        image = made.image.exact if made.image else None
        pinned = {**given, "image": image, **place, **disks}
        return {name: value for name, value in pinned.items() if value is not None}

    def contradictions(self, given: Mapping[str, Any]) -> Iterator[str]:
        """Name, one sentence each, the given parameters that contradict the file."""
        pinned = self.pinned
        for name in sorted((pinned.keys() & given.keys()) - {"customDataFile"}):
            if not _same(name, given[name], pinned[name]):
                yield f"{name}: {given[name]!r} contradicts the lock file, which has {pinned[name]!r}"


def read(path: object) -> LockFile:
    """Read a lock file. Raises: SpecError, saying what is wrong with it."""
    import yaml

    try:
        return LockFile.model_validate(yaml.safe_load(text_file.read(Path(values.text(str(path))).expanduser())))
    except UnicodeDecodeError:
        why = "is not UTF-8 text"
    except yaml.YAMLError:
        why = "is not YAML"
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        why = f"is no lock file of version 1: {where or 'all of it'}: {first['msg']}"
    except (OSError, ValueError) as error:
        why = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    raise SpecError(f"{PARAMETER}: {path} {why}")


def applied(params: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Add the values that the lock file pins; also give the names of secrets that the file contains only as a hash.

    Such a secret stays unchanged if the VM exists. Without a lock file, the parameters are returned unchanged.

    Raises: SpecError if the file cannot be read, or a given parameter contradicts it.
    """
    wanted = {name: value for name, value in params.items() if value is not None}
    path = wanted.pop(PARAMETER, None)
    if path is None:
        return wanted, frozenset()
    lock = read(path)
    if "ubuntuOSVersion" in wanted:
        wanted["image"] = wanted.pop("ubuntuOSVersion")
    pinned, sealed = lock.pinned, lock.made.custom_data
    own: dict[str, Any] = {name: pinned.pop(name) for name in ("customDataFile",) if name in pinned}
    problems = list(lock.contradictions(wanted))
    chosen: dict[str, Any] = {name: wanted[name] for name in ("customData", "customDataFile") if name in wanted}
    if chosen and not _matches_hash(sealed, chosen):
        problems.append(f"{next(iter(chosen))}: it differs from the one that the lock file was made with")
    if problems:
        raise SpecError(problems)
    given = chosen or (own if _matches_hash(sealed, own) else {})
    return {"vmName": lock.vm_name, **wanted, **pinned, **given}, frozenset(
        {"customData"} if sealed and not given else ()
    )


def _matches_hash(sealed: HashedText | None, chosen: Mapping[str, Any]) -> bool:
    """Tell whether custom data, given as text or as a file, matches the hash; unreadable data does not."""
    if sealed is None or not chosen:
        return False
    try:
        text = str(chosen["customData"]) if "customData" in chosen else custom_data.read(chosen["customDataFile"])
    except ValueError:
        return False
    return sealed.matches(text)


def _same(name: str, given: object, pinned: object) -> bool:
    """Tell whether two values of a parameter mean the same. An image's ``latest`` matches any version."""
    if name == "image":
        asked, had = images.image(given), images.image(pinned)
        return asked.version.lower() in {"latest", had.version} and str(asked).rpartition(":")[0].lower() == (
            str(had).rpartition(":")[0].lower()
        )
    return _plain(given) == _plain(pinned)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return ",".join(f"{key}={content}" for key, content in sorted(value.items()))
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value).lower().replace(" ", "")


def scrypt_hash(text: str, salt: bytes) -> str:
    """Give the scrypt hash of a text, hexadecimal."""
    return hashlib.scrypt(text.encode(), salt=salt, **_SCRYPT).hex()
