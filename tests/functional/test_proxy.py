"""The proxy of the local Azure: clients with hard-wired host names reach the local Azure, and no other host."""

import json
import re
import socket
import ssl
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil
import pytest
from cryptography import x509
from typer.testing import CliRunner

from tests.azure import kill_daemon
from tests.clients.guide import PAGE
from tests.functional.doors import CLI
from vmops.cli.commands.local import app
from vmops.local import azure_hosts, daemon, tls
from vmops.local.daemon import Endpoint

NOW = datetime(2030, 1, 1, tzinfo=UTC)
METADATA = "/metadata/endpoints?api-version=2022-09-01"
MANAGER, LOGIN = "https://management.azure.com", "https://login.microsoftonline.com"


@pytest.fixture
def here(state_dir: Path) -> Endpoint:
    """Give a local Azure with a proxy."""
    return daemon.ensure(state_dir, 0, proxy=True)


def tunnel(here: Endpoint, host: str, port: int = 443) -> HTTPSConnection:
    """Connect Python's own client to a host through the proxy; it trusts only the local authority."""
    proxy = urlsplit(here.proxy)
    context = ssl.create_default_context(cafile=here.ca)
    connection = HTTPSConnection(proxy.hostname or "", proxy.port, context=context, timeout=60)
    connection.set_tunnel(host, port)
    return connection


def answer(here: Endpoint, host: str, path: str, method: str = "GET", body: str | None = None) -> Any:
    """Request JSON from a host of Azure, as a client with hard-wired host names does."""
    with closing(tunnel(here, host)) as connection:
        connection.request(method, path, body)
        return json.loads(connection.getresponse().read())


def said(here: Endpoint, *parts: bytes) -> str:
    """Send bytes to the proxy, and give its answer until it hangs up."""
    address = urlsplit(here.proxy)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode()


def test_each_of_azure_s_hosts_leads_to_the_local_azure(here: Endpoint) -> None:
    """URLs in answers lead back through the proxy: logins to Entra's host, the rest to ARM's.

    Host names match in any case. Source: RFC 9110, section 4.2.3.
    """
    for host in (*azure_hosts.HOSTS, "Management.Azure.COM"):
        told = answer(here, host, METADATA)
        assert (told["name"], told["resourceManager"]) == ("AzureCloud", MANAGER)
        login = told["authentication"]
        assert (login["loginEndpoint"], login["audiences"][0]) == (LOGIN, f"{MANAGER}/")
        assert answer(here, host, "/metadata/endpoints?api-version=2019-05-01") == [told]


def test_a_login_at_entra_s_host_is_valid_at_arm_s(here: Endpoint) -> None:
    """A client that follows the metadata of one host gets a token for the other."""
    asked = urlencode({"api-version": "1.1", "authorization_endpoint": f"{LOGIN}/t/oauth2/v2.0/authorize"})
    found = answer(here, urlsplit(LOGIN).netloc, f"/common/discovery/instance?{asked}")
    assert found["metadata"][0]["aliases"] == ["login.microsoftonline.com", "login.windows.net"]
    openid = answer(here, urlsplit(LOGIN).netloc, urlsplit(found["tenant_discovery_endpoint"]).path)
    assert openid["token_endpoint"] == f"{LOGIN}/t/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "client_id": "c", "client_secret": here.token, "scope": f"{MANAGER}/"}
    token = answer(here, urlsplit(LOGIN).netloc, "/t/oauth2/v2.0/token", "POST", urlencode(form))["access_token"]
    with closing(tunnel(here, urlsplit(MANAGER).netloc)) as connection:
        for sent, status in ((token, 200), ("another", 401)):  # on one connection
            headers = {"Authorization": f"Bearer {sent}"}
            connection.request("GET", "/subscriptions?api-version=2022-12-01", headers=headers)
            got = connection.getresponse()
            assert (got.status, bool(got.read())) == (status, True)


ELSEWHERE = (
    *("example.com:443", "prices.azure.com:80", "graph.microsoft.com:443", "127.0.0.1:443"),
    *("westus2.management.azure.com:443", "management.azure.com.example.com:443"),
    *("management.azure.com:80", "management.azure.com:8443", "management.azure.com"),
)


def test_the_proxy_refuses_other_hosts(here: Endpoint) -> None:
    """The answer is 403 with a sentence, so a test never reaches the real Azure."""
    for target in ELSEWHERE:
        refused = said(here, f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        assert refused.startswith("HTTP/1.1 403 Forbidden\r\n")
        assert refused.endswith(
            "\r\n\r\nThis is the proxy of a local Azure: it connects only to management.azure.com, "
            f"login.microsoftonline.com, login.windows.net and prices.azure.com, at port 443, and not to {target}.\n"
        )
    with closing(tunnel(here, "example.com")) as connection, pytest.raises(OSError, match="403 Forbidden"):
        connection.request("GET", "/")


def test_the_proxy_refuses_plain_http(here: Endpoint) -> None:
    """A secret sent without TLS goes nowhere."""
    for method in ("GET", "POST", "OPTIONS"):
        for target in ("http://management.azure.com/subscriptions", "http://example.com/", "/", "*"):
            refused = said(here, f"{method} {target} HTTP/1.1\r\nHost: management.azure.com\r\n\r\n".encode())
            assert refused.startswith("HTTP/1.1 403 Forbidden\r\n")
            assert "it accepts only CONNECT, for HTTPS; plain HTTP is not forwarded.\n" in refused


NO_REQUESTS = (
    b"\r\n\r\n",
    b"CONNECT\r\n\r\n",
    b"CONNECT management.azure.com:443\r\n\r\n",
    b"CONNECT \xff\x00:443 HTTP/1.1\r\n\r\n",
    b"CONNECT management.azure.com:443 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    b"CONNECT management.azure.com:443 HTTP/1.1\r\n" + b"x" * 16384,
)
"""Empty, no target, no version, no text, data too early, and too long."""


def test_the_proxy_refuses_malformed_requests(here: Endpoint) -> None:
    """The connection ends, and the next client is served."""
    for words in NO_REQUESTS:
        assert said(here, words).startswith("HTTP/1.1 400 Bad Request\r\n"), words
    assert answer(here, urlsplit(MANAGER).netloc, METADATA)


def test_a_request_may_arrive_in_pieces(here: Endpoint) -> None:
    """It is answered once it is complete."""
    whole = b"CONNECT example.com:443 HTTP/1.1\r\n\r\n"
    assert said(here, *(whole[n : n + 1] for n in range(len(whole)))).startswith("HTTP/1.1 403")


def test_the_first_request_may_arrive_with_the_end_of_the_handshake(here: Endpoint) -> None:
    """The request is answered however the network splits the bytes."""
    proxy, host = urlsplit(here.proxy), urlsplit(MANAGER).netloc
    heard, to_say = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cafile=here.ca).wrap_bio(heard, to_say, server_hostname=host)
    with socket.create_connection((proxy.hostname or "", proxy.port or 0), timeout=60) as connection:
        connection.sendall(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        while not shaken(client):
            connection.sendall(to_say.read())
            heard.write(connection.recv(65536))
        client.write(f"GET {METADATA} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        connection.sendall(to_say.read())
        while not (answered := read(client)):
            heard.write(connection.recv(65536))
    assert answered.startswith(b"HTTP/1.1 200 OK\r\n")


def shaken(end: ssl.SSLObject) -> bool:
    """Continue a handshake in memory, and tell whether it has ended on this side."""
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def read(end: ssl.SSLObject) -> bytes:
    """Give the bytes that have arrived."""
    try:
        return end.read()
    except ssl.SSLWantReadError:
        return b""


def test_the_authority_is_not_trusted_by_default(here: Endpoint) -> None:
    """A client without the authority ends the connection, and other clients are served."""
    proxy = urlsplit(here.proxy)
    stranger = HTTPSConnection(proxy.hostname or "", proxy.port, context=ssl.create_default_context(), timeout=60)
    stranger.set_tunnel(urlsplit(MANAGER).netloc)
    with closing(stranger), pytest.raises(ssl.SSLCertVerificationError):
        stranger.request("GET", METADATA)
    assert answer(here, urlsplit(MANAGER).netloc, METADATA)


def test_a_client_needs_only_environment_variables(state_dir: Path) -> None:
    """The SDK example of the docs logs in and works without any other configuration."""
    program = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)[0]
    ended = subprocess.run([*CLI, "local", "env", "--", sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.stdout, ended.returncode) == ("[]\n", 0), ended.stderr
    assert any(each["path"].endswith("/virtualMachines") for each in told("journal"))


def told(*arguments: str) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_listener_is_opened_and_closed_by_option(state_dir: Path) -> None:
    """The proxy implies HTTPS and is closed with it; without an option nothing changes."""
    first = told("start", "--proxy")
    assert first.keys() == {"arm", "token", "provider", "pid", "armTls", "ca", "proxy"}
    assert first["proxy"].startswith("http://127.0.0.1:")
    assert told("start") == told("start", "--tls") == told("start", "--proxy") == first
    assert first["proxy"] in CliRunner().invoke(app, ["status"]).stdout
    without = {name: value for name, value in first.items() if name != "proxy"}
    closed = told("start", "--no-proxy")
    assert closed == without | {"pid": closed["pid"]}
    assert told("start", "--proxy").keys() == first.keys()
    assert told("start", "--no-tls").keys() == {"arm", "token", "provider", "pid"}
    contradiction = CliRunner().invoke(app, ["start", "--proxy", "--no-tls"])
    assert (contradiction.exit_code, "excludes --no-tls" in contradiction.output) == (2, True)


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_a_restart_keeps_ports_and_certificates(here: Endpoint, state_dir: Path, end: str) -> None:
    """Environment variables stay valid, although a client is connected and idle."""
    address = urlsplit(here.proxy)
    with socket.create_connection((address.hostname or "", address.port or 0)):
        daemon.stop(state_dir) if end == "terminate" else kill_daemon(state_dir)
    again = daemon.ensure(state_dir)
    assert replace(again, pid=here.pid) == here
    assert answer(again, urlsplit(MANAGER).netloc, METADATA)


def test_the_listener_is_on_loopback_only(here: Endpoint) -> None:
    """No other host can connect."""
    listening = [each.laddr for each in psutil.Process(here.pid).net_connections("tcp") if each.status == "LISTEN"]
    assert {each.ip.removeprefix("::ffff:") for each in listening} == {"127.0.0.1"}
    assert urlsplit(here.proxy).port in {each.port for each in listening}


def test_the_keys_are_private(here: Endpoint, state_dir: Path) -> None:
    """A reader of a key could impersonate Azure to clients that trust the authority."""
    keys = sorted((state_dir / "local/tls").glob("*-key.pem"))
    assert [key.name for key in keys] == ["azure-key.pem", "ca-key.pem", "server-key.pem"]
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def handshake(authority: Path, server: Path, host: str) -> None:
    """Shake hands in memory: a server with a certificate, and a client with a host name and an authority.

    Raises: SSLError if the client refuses the certificate.
    """
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(server)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        ssl.create_default_context(cafile=str(authority)).wrap_bio(back, there, server_hostname=host),
        serving.wrap_bio(there, back, server_side=True),
    ]
    while ends:
        ends = [end for end in ends if not shaken(end)]


@pytest.mark.parametrize("host", [*azure_hosts.HOSTS, "localhost", "127.0.0.1"])
def test_the_authority_certifies_its_own_names(tmp_path: Path, host: str) -> None:
    """Clients accept the certificates for Azure's hosts and for this machine."""
    files = tls.prepare(tmp_path)
    handshake(files.authority, files.azure if host in azure_hosts.HOSTS else files.server, host)


@pytest.mark.parametrize("name", ["example.com", "graph.microsoft.com", "azure.com", "10.0.0.1"])
def test_the_authority_cannot_certify_other_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A certificate for another host, signed with its key, is refused."""
    other = [x509.DNSName(name)] if name[0].isalpha() else [x509.IPAddress(ip_address(name))]
    tls.prepare(tmp_path)
    monkeypatch.setattr(tls, "_AZURE", other)
    files = tls.prepare(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        handshake(files.authority, files.azure, name)


def test_an_authority_without_name_constraints_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier versions made such authorities."""
    with monkeypatch.context() as earlier:
        earlier.setattr(tls, "_CONSTRAINTS", x509.NameConstraints([x509.DNSName("com")], None))
        first = tls.prepare(tmp_path, NOW).authority.read_bytes()
    again = tls.prepare(tmp_path, NOW).authority.read_bytes()
    assert again != first
    assert tls.prepare(tmp_path, NOW).authority.read_bytes() == again
