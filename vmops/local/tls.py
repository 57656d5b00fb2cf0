"""The certificates of the local Azure's HTTPS and proxy listeners, and their certificate authority.

A key and its certificate are one file, so that one never exists without the other. The authority can certify only these
few names, so its key is of no use for any other host.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vmops.core import private
from vmops.local.azure_hosts import HOSTS

_LOOPBACK = (
    x509.DNSName("localhost"),
    x509.IPAddress(ip_address("127.0.0.1")),
    x509.IPAddress(ip_address("::1")),
)
_AZURE = tuple(map(x509.DNSName, HOSTS))
# Source: RFC 5280, section 4.2.1.10; a name includes its subdomains.
_CONSTRAINTS = x509.NameConstraints(
    permitted_subtrees=[
        x509.DNSName("localhost"),
        x509.IPAddress(ip_network("127.0.0.1/32")),
        x509.IPAddress(ip_network("::1/128")),
        *_AZURE,
    ],
    excluded_subtrees=None,
)
_AUTHORITY_LIFE = timedelta(days=3650)
# Source: Apple, requirements for trusted certificates in macOS 10.15, which limit the validity of a server's.
_SERVER_LIFE = timedelta(days=825)
_RENEWAL = timedelta(days=30)
_CLOCK_SKEW = timedelta(minutes=5)
_NO_USAGE = dict.fromkeys(
    (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    ),
    False,
)


@dataclass(frozen=True)
class Files:
    """The files: the authority's certificate, and the certificates with keys of this machine and of Azure's hosts."""

    authority: Path
    server: Path
    azure: Path


@dataclass(frozen=True)
class _Pair:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def pem(self) -> bytes:
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.certificate.public_bytes(Encoding.PEM)


def prepare(directory: Path, now: datetime | None = None) -> Files:
    """Create missing certificates, and renew those that expire within 30 days.

    A renewed server certificate has the same authority. An authority of an earlier version, which could certify other
    names, is replaced. Only one process at a time may call this.
    """
    now = now or datetime.now(UTC)
    private.make_directory(directory)
    authority = _kept(directory / "ca-key.pem", now, _constrained, lambda: _new_authority(now))
    files = Files(directory / "ca.pem", directory / "server-key.pem", directory / "azure-key.pem")
    for file, names in ((files.server, _LOOPBACK), (files.azure, _AZURE)):
        _kept(file, now, partial(_issued, authority, names), partial(_new_server, authority, names, now))
    _write(files.authority, authority.certificate.public_bytes(Encoding.PEM))
    return files


def _kept(path: Path, now: datetime, fits: Callable[[_Pair], bool], make: Callable[[], _Pair]) -> _Pair:
    """Read a pair, or make and store a new one if it is missing, broken, about to expire or does not fit."""
    found = _read(path)
    if found and found.certificate.not_valid_after_utc - now > _RENEWAL and fits(found):
        return found
    made = make()
    _write(path, made.pem())
    return made


def _read(path: Path) -> _Pair | None:
    try:
        content = path.read_bytes()
        key = load_pem_private_key(content, password=None)
        certificate = x509.load_pem_x509_certificate(content)
    except (FileNotFoundError, ValueError):
        return None
    return _Pair(key, certificate) if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _write(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all, readable by its owner only."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        os.fsync(file.fileno())
    draft.replace(path)


def _constrained(authority: _Pair) -> bool:
    try:
        found = authority.certificate.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.value == _CONSTRAINTS


def _issued(authority: _Pair, names: Sequence[x509.GeneralName], pair: _Pair) -> bool:
    try:
        pair.certificate.verify_directly_issued_by(authority.certificate)
        shown = pair.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return list(shown.value) == list(names)


def _new_authority(now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("vmops local Azure, authority")
    usage = x509.KeyUsage(**{**_NO_USAGE, "key_cert_sign": True, "crl_sign": True})
    draft = (
        _draft(key, name, name, now, _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(_CONSTRAINTS, critical=True)
    )
    return _Pair(key, draft.sign(key, hashes.SHA256()))


def _new_server(authority: _Pair, names: Sequence[x509.GeneralName], now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    life = min(_SERVER_LIFE, issuer.not_valid_after_utc - now)
    vouched = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    draft = (
        _draft(key, _name("vmops local Azure"), issuer.subject, now, life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{**_NO_USAGE, "digital_signature": True}), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(vouched, critical=False)
    )
    return _Pair(key, draft.sign(authority.key, hashes.SHA256()))


def _draft(
    key: ec.EllipticCurvePrivateKey, subject: x509.Name, issuer: x509.Name, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + life - _CLOCK_SKEW)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
