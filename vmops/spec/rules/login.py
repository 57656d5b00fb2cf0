"""Rules for the login, and for custom data."""

import base64
import binascii
import re

from pydantic import SecretStr

from vmops.spec import custom_data as custom_data_format
from vmops.spec.rules.values import text

_ADMIN_NAME = re.compile(r"""[^\\/"\[\]:|<>+=;,?*@#()!A-Z\s$-][^\\/"\[\]:|<>+=;,?*@#()!A-Z\s]{0,63}""")
# Source: compute REST reference, OSProfile.adminUsername, disallowed values.
_RESERVED_ADMIN = re.compile(
    r"1|123|a|actuser|adm|admin[12]?|administrator|aspnet|backup|console|david|guest|john|owner|root|server|sql"
    r"|support|support_388945a0|sys|test[1-3]?|user[1-5]?",
    re.IGNORECASE,
)
# Source: compute REST reference, OSProfile.adminPassword, disallowed values and the four classes of characters.
_KNOWN_PASSWORDS = frozenset(
    (
        "abc@123",
        "P@$$w0rd",
        "P@ssw0rd",
        "P@ssword123",
        "Pa$$word",
        "pass@word1",
        "Password!",
        "Password1",
        "Password22",
        "iloveyou!",
    )
)
_PASSWORD_CLASSES = tuple(map(re.compile, ("[a-z]", "[A-Z]", r"\d", r"[\W_]")))
# Source: compute REST reference, OSProfile.customData: "maximum length of the binary array", before base64.
_MAX_CUSTOM_DATA = 65535


def admin_name(value: object) -> str:
    """Check an administrator's name on Linux. Source: compute REST reference, OSProfile; Azure CLI, az vm create."""
    if _RESERVED_ADMIN.fullmatch(name := text(value)):
        raise ValueError(f"{name!r} is a name that Azure reserves")
    if not _ADMIN_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not an admin name (1 to 64 characters, none of them upper case, space or "
            "\\/\"[]:|<>+=;,?*@#()!; first not '$' or '-')"
        )
    return name


def password(value: object) -> str:
    """Check a password for Linux, without ever showing it.

    Source: compute REST reference, OSProfile.adminPassword; ARM answers "between 6-72 characters long".
    """
    word = _clear(value)
    if word in _KNOWN_PASSWORDS:
        raise ValueError("is a common password, which Azure refuses")
    classes = sum(1 for kind in _PASSWORD_CLASSES if kind.search(word))
    if not (6 <= len(word) <= 72 and classes >= 3 and word.isprintable()):
        raise ValueError("is not a password for Azure (6 to 72 characters; three of a-z, A-Z, 0-9 and special ones)")
    return word


def public_key(value: object) -> str:
    """Check an SSH public key, without showing it: RSA of 2048 bits or more, or ED25519.

    Source: Azure Linux VMs, create-ssh-keys-detailed, supported SSH key formats; RFC 4253 section 6.6, RFC 8709.
    """
    key = _clear(value).strip()
    algorithm, _, rest = key.partition(" ")
    try:
        fields = _ssh_fields(base64.b64decode(rest.split(" ")[0], validate=True))
    except binascii.Error:
        fields = []
    modulus_bits = int.from_bytes(fields[2]).bit_length() if len(fields) == 3 else 0
    rsa = algorithm == "ssh-rsa" and modulus_bits >= 2048
    ed25519 = algorithm == "ssh-ed25519" and len(fields) == 2 and len(fields[1]) == 32
    if not (rsa or ed25519) or fields[0] != algorithm.encode() or not key.isprintable():
        raise ValueError("is not an SSH public key for Azure (one line, ssh-ed25519, or ssh-rsa of 2048 bits or more)")
    return key


def _ssh_fields(blob: bytes) -> list[bytes]:
    fields = []
    while blob:
        end = 4 + int.from_bytes(blob[:4])
        fields.append(blob[4:end])
        blob = blob[end:]
    return fields


def custom_data(value: object) -> str:
    """Read custom data, text or bytes; check its length and, for a script, its line ends. It is never shown.

    Source: execve(2), interpreter scripts: a carriage return at the end of the first line is part of the interpreter's
    name; cloud-init documentation, user-data formats: a script is recognised by its first two characters.
    """
    try:
        content = custom_data_format.normal(value if isinstance(value, bytes) else _clear(value))
    except UnicodeDecodeError:
        raise ValueError("is neither text in UTF-8 nor packed by gzip") from None
    if content.startswith("\ufeff"):
        raise ValueError("begins with a byte order mark, which cloud-init does not recognise: save it without one")
    if content.startswith("#!") and content.partition("\n")[0].endswith("\r"):
        raise ValueError("is a script with Windows line ends (CR LF), which Linux cannot run: save it with LF")
    if custom_data_format.size(content) > _MAX_CUSTOM_DATA:
        raise ValueError(f"is longer than {_MAX_CUSTOM_DATA} bytes")
    return content


def _clear(value: object) -> str:
    secret = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(secret, str | int | float):
        raise ValueError(f"is {type(secret).__name__}, not text")  # noqa: TRY004
    return str(secret)
