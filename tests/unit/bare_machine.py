"""A user account with nothing installed, and what tests may put there: engines, Go, the official installer's site."""

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from vmops.engine.install.locate import ENGINE_VERSION

ENGINE = "#!/bin/sh\necho {version}\n"
GO = """#!{python}
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
module = pathlib.Path(sys.argv[sys.argv.index("-C") + 1])
call = {{"argv": " ".join(sys.argv), "tmp": os.environ["TMPDIR"]}}
call |= {{name: (module / name).read_text() for name in ("go.mod", "go.sum")}}
with (here / "go.calls").open("a") as calls:
    print(json.dumps(call), file=calls)
if (here / "go.gate").exists():
    (here / "go.gate").read_bytes()
engine = pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
engine.parent.mkdir(parents=True, exist_ok=True)
engine.write_text({engine!r})
engine.chmod(0o755)
"""
INSTALLER = """#!{python}
import pathlib, sys
option = dict(zip(sys.argv[2::2], sys.argv[3::2]))
engine = pathlib.Path(option["--install-root"], "bin", "pulumi")
engine.parent.mkdir(parents=True)
engine.write_text({engine!r}.format(version="v" + option["--version"]))
engine.chmod(0o755)
"""


@dataclass
class Machine:
    """A user's home, a PATH and a network without anything on them."""

    home: Path
    env: dict[str, str]

    @property
    def cache(self) -> Path:
        return self.home / "cache" / "vmops" / "engine"

    @property
    def ours(self) -> Path:
        return self.cache / ENGINE_VERSION / "bin" / "pulumi"

    @property
    def gate(self) -> Path:
        return self.home / "bin" / "go.gate"

    def put(self, file: Path, text: str) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
        return file

    def put_on_path(self, version: str) -> Path:
        return self.put(self.home / "bin" / "pulumi", ENGINE.format(version=version))

    def put_go(self, version: str = f"v{ENGINE_VERSION}") -> None:
        engine = ENGINE.format(version=version)
        self.put(self.home / "bin" / "go", GO.format(python=sys.executable, engine=engine))

    def builds(self) -> list[dict[str, str]]:
        calls = self.home / "bin" / "go.calls"
        return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []

    def left(self) -> set[str]:
        return {entry.name for entry in self.cache.iterdir()}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from vmops.cli import main; main()", "engine", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.env, cwd=self.home, stdout=pipe, stderr=pipe, text=True)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        return ended(self.start(*arguments))


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate()
    return process.returncode, out, err


def read_until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    assert any(words in line for line in process.stderr), f"never said {words!r}"


def certificate() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "get.pulumi.com")])
    today = datetime.now(UTC)
    until = today + timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), today, until)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("get.pulumi.com")]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form), builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class InstallerSite(BaseRequestHandler):
    """The installer's site behind a proxy: its installer makes an engine of the requested version."""

    context: ssl.SSLContext

    def handle(self) -> None:
        self.hear(self.request)
        self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with self.context.wrap_socket(self.request, server_side=True) as secure:
            self.hear(secure)
            script = INSTALLER.format(python=sys.executable, engine=ENGINE).encode()
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(script), script))

    def hear(self, connection: socket.socket) -> None:
        heard = b""
        while not heard.endswith(b"\r\n\r\n") and (more := connection.recv(4096)):
            heard += more


@contextmanager
def official_site(machine: Machine) -> Iterator[None]:
    """Let the machine reach only the installer's site, through a proxy and with a certificate that it trusts."""
    key, trusted = certificate()
    (machine.home / "key").write_bytes(key)
    (machine.home / "trusted").write_bytes(trusted)
    InstallerSite.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    InstallerSite.context.load_cert_chain(machine.home / "trusted", machine.home / "key")
    with ThreadingTCPServer(("127.0.0.1", 0), InstallerSite) as site:
        machine.env["https_proxy"] = f"http://127.0.0.1:{site.server_address[1]}"
        machine.env["SSL_CERT_FILE"] = str(machine.home / "trusted")
        Thread(target=site.serve_forever).start()
        try:
            yield
        finally:
            site.shutdown()
