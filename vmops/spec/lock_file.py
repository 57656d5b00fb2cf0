"""The lock file: what a VM was really made from, so that the same one can be made again."""

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
"""What a guess costs: 16 MiB and some hundredths of a second. Source: RFC 7914; Python's documentation of hashlib."""

UNBOUND = frozenset(
    {"vmName", "cloud", "subscription", "resourceGroup", "adminPasswordOrKey", "ttl", "stopMode", "keepGroup"}
    | {"maxHourlyPrice", "budget", "prefer"}
    | {"waitFor", "pollInterval", "pollTimeout", "deployTimeout", "requestTimeout", "asyncResultsUrl", PARAMETER}
)
"""Parameters that say where the VM is, who logs in and for how long: another VM with others is the same environment."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class LockedImage(_Part):
    """An image as it was asked for, and the version that was meant then."""

    publisher: str
    offer: str
    sku: str
    version: str
    exact_version: str

    @property
    def exact(self) -> str:
        """Write the four parts with the version that was meant."""
        return f"{self.publisher}:{self.offer}:{self.sku}:{self.exact_version}"


class LockedDisk(_Part):
    """A disk: its size in GiB, and its type."""

    size: int = Field(alias="sizeGB")
    type: str


class Sealed(_Part):
    """The scrypt hash of custom data, which tells it from another and gives nothing of it away; both hexadecimal."""

    scrypt: str
    salt: str

    @classmethod
    def of(cls, text: str) -> "Sealed":
        """Seal a text with a salt of its own."""
        salt = secrets.token_bytes(16)
        return cls(scrypt=seal(text, salt), salt=salt.hex())

    def is_of(self, text: str) -> bool:
        """Tell whether this is a text's."""
        return hmac.compare_digest(seal(text, bytes.fromhex(self.salt)), self.scrypt)


class Made(_Part):
    """What Azure said of the VM; ``image`` is None for one that was given by its id (``imageId``)."""

    image: LockedImage | None
    vm_size: str
    location: str
    zone: str | None
    priority: str
    os_disk: LockedDisk
    data_disks: tuple[LockedDisk, ...]
    custom_data: Sealed | None


class Tools(_Part):
    """The versions of what made it."""

    vmops: str
    engine: str
    azure_native: str


class Guest(_Part):
    """What runs inside."""

    kernel: str


class LockFile(_Part):
    """The whole of a file."""

    lock_version: Literal[1] = 1
    vm_name: str
    parameters: Mapping[str, Any]
    made: Made
    tools: Tools
    guest: Guest | None = None

    @property
    def pinned(self) -> dict[str, Any]:
        """Give the parameters that make such a VM, as they were given, and as it was made."""
        given = {name: value for name, value in self.parameters.items() if name not in {*UNBOUND, "ubuntuOSVersion"}}
        made = self.made
        told = {"vmSize": made.vm_size, "location": made.location, "zone": made.zone, "priority": made.priority}
        disks = {"osDiskType": made.os_disk.type, "dataDisks": [disk.size for disk in made.data_disks] or None}
        image = made.image.exact if made.image else None
        pinned = {**given, "image": image, **told, **disks}
        return {name: value for name, value in pinned.items() if value is not None}

    def contradictions(self, given: Mapping[str, Any]) -> Iterator[str]:
        """Name, in a sentence each, the parameters that are given otherwise than the file has them."""
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
    """Give parameters with all that the lock file pins that they name, and the secrets that it has sealed only.

    Such a secret stays as it is where the VM is; without a lock file all is as it was.

    Raises: SpecError if it cannot be read, or something that is given contradicts it.
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
    if chosen and not _is_sealed(sealed, chosen):
        problems.append(f"{next(iter(chosen))}: it is not what the lock file was made with")
    if problems:
        raise SpecError(problems)
    given = chosen or (own if _is_sealed(sealed, own) else {})
    return {"vmName": lock.vm_name, **wanted, **pinned, **given}, frozenset(
        {"customData"} if sealed and not given else ()
    )


def _is_sealed(sealed: Sealed | None, chosen: Mapping[str, Any]) -> bool:
    """Tell whether custom data, as it is or in a file, is what was sealed; what cannot be read is not."""
    if sealed is None or not chosen:
        return False
    try:
        text = str(chosen["customData"]) if "customData" in chosen else custom_data.read(chosen["customDataFile"])
    except ValueError:
        return False
    return sealed.is_of(text)


def _same(name: str, given: object, pinned: object) -> bool:
    """Tell whether two values of a parameter say the same; of an image, its newest version may be the one that was."""
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


def seal(text: str, salt: bytes) -> str:
    """Give the scrypt hash of a text, hexadecimal."""
    return hashlib.scrypt(text.encode(), salt=salt, **_SCRYPT).hex()
