"""HTTPS of the local Azure: Azure's own clients log in and work, and restarts change nothing for them."""

import json
import os
import re
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential
from cryptography import x509
from typer.testing import CliRunner

from tests.azure import kill_daemon
from tests.conformance.arm import SUBSCRIPTION
from tests.conformance.sdk import clients, live_and_die
from vmops.cli.commands.local import app
from vmops.local import daemon, tls
from vmops.local.daemon import Endpoint

TENANT = "00000000-0000-0000-0000-000000000000"
GUIDE = Path(__file__).parents[2] / "docs/real-clients.md"
NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def here(state_dir: Path) -> Endpoint:
    """Give a local Azure with HTTPS that is a thousand times faster than Azure."""
    return daemon.ensure(state_dir, 0.001, tls=True)


@contextmanager
def logged_in(here: Endpoint, secret: str) -> Iterator[ClientSecretCredential]:
    """Give a credential of azure-identity for the local Azure."""
    with ClientSecretCredential(
        TENANT,
        "an-experiment",
        secret,
        authority=here.arm_tls,
        disable_instance_discovery=True,
        connection_verify=here.ca,
    ) as credential:
        yield credential


def access_token(here: Endpoint) -> str:
    with logged_in(here, here.token) as credential:
        return credential.get_token(scope(here)).token


def scope(here: Endpoint) -> str:
    return f"{here.arm_tls}/.default"


def groups(here: Endpoint, token: str | None) -> int:
    """Request the resource groups from ARM over HTTPS, and return the status."""
    url = f"{here.arm_tls}/subscriptions/{SUBSCRIPTION}/resourcegroups?api-version=2024-03-01"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(url, headers=headers, verify=here.ca, timeout=60).status_code


def test_a_machine_lives_and_dies_by_azure_s_own_clients(here: Endpoint) -> None:
    """azure-identity logs in, and the unmodified SDK creates and deletes a machine over HTTPS."""
    with (
        logged_in(here, here.token) as credential,
        clients(
            here.arm_tls, credential=credential, credential_scopes=[scope(here)], connection_verify=here.ca
        ) as azure,
    ):
        live_and_die(azure)


def test_a_wrong_secret_is_no_login(here: Endpoint) -> None:
    """azure-identity raises with Entra's message."""
    with (
        logged_in(here, "wrong") as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        credential.get_token(scope(here))


def test_a_request_without_a_token_is_refused(here: Endpoint) -> None:
    """HTTPS alone gives no access."""
    assert [groups(here, token) for token in (None, "other", here.token, access_token(here))] == [401, 401, 200, 200]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_its_certificate_is_for_this_machine(here: Endpoint, host: str) -> None:
    """Clients that trust the authority may use either host name."""
    url = f"https://{host}:{urlsplit(here.arm_tls).port}/metadata/endpoints?api-version=2022-09-01"
    answer = requests.get(url, verify=here.ca, timeout=60)
    assert answer.json()["resourceManager"] == url.partition("/metadata")[0]


def test_the_authority_is_not_trusted_by_default(here: Endpoint) -> None:
    """Only clients that were configured with it accept the certificate."""
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{here.arm_tls}/metadata/endpoints", timeout=60)


def test_the_listener_is_on_loopback_only(here: Endpoint) -> None:
    """No other host can connect."""
    listening = [each.laddr for each in psutil.Process(here.pid).net_connections("tcp") if each.status == "LISTEN"]
    assert {each.ip.removeprefix("::ffff:") for each in listening} == {"127.0.0.1"}
    assert urlsplit(here.arm_tls).port in {each.port for each in listening}


def test_the_keys_are_private(here: Endpoint, state_dir: Path) -> None:
    """A reader of the authority's key could impersonate the server; the log has no token either."""
    token = access_token(here)
    directory = state_dir / "local/tls"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {0o600}
    assert b"PRIVATE" not in Path(here.ca).read_bytes()
    log = (state_dir / "local/daemon.log").read_text()
    assert token not in log
    assert here.token not in log


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_a_restart_keeps_ports_and_certificates(here: Endpoint, state_dir: Path, end: str) -> None:
    """A configured client that has logged in continues after any end of the daemon: same URLs, authority and token."""
    token, vouching = access_token(here), Path(here.ca).read_bytes()
    shown = served_certificate(here)
    if end == "kill":
        kill_daemon(state_dir)
    else:
        daemon.stop(state_dir)
    again = daemon.ensure(state_dir)
    assert again.pid != here.pid
    assert replace(again, pid=here.pid) == here
    assert (served_certificate(again), Path(again.ca).read_bytes()) == (shown, vouching)
    assert groups(again, token) == 200


def served_certificate(here: Endpoint) -> str:
    return ssl.get_server_certificate(("127.0.0.1", urlsplit(here.arm_tls).port or 0), ca_certs=here.ca)


def test_the_listener_is_opened_and_closed_by_option(state_dir: Path) -> None:
    """Without the option nothing changes; with it the daemon is restarted at the same port."""
    first = told("start")
    assert first.keys() == {"arm", "token", "provider", "pid"}
    opened = told("start", "--tls")
    assert opened == first | {"pid": opened["pid"], "armTls": opened["armTls"], "ca": opened["ca"]}
    assert told("start") == told("start", "--tls") == opened
    assert opened["armTls"] in CliRunner().invoke(app, ["status"]).stdout
    closed = told("start", "--no-tls")
    assert closed == first | {"pid": closed["pid"]}
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(opened["armTls"], verify=opened["ca"], timeout=60)


def told(*arguments: str) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_python_of_the_docs_runs_over_https(state_dir: Path) -> None:
    """It runs in a new process."""
    told = GUIDE.read_text().partition("### Python with explicit endpoints")[2]
    [block] = re.findall(r"^```python\n(.*?)^```", told, re.DOTALL | re.MULTILINE)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    ended = subprocess.run([sys.executable, "-c", block], env=env, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.returncode) == ("[]\n", 0), ended.stderr
    assert daemon.find(state_dir) is not None


def issuer_and_serials(files: tls.Files) -> tuple[int, int]:
    """Give the serial numbers of authority and server, after checking that the authority issued the server's."""
    authority, server = (x509.load_pem_x509_certificate(file.read_bytes()) for file in (files.authority, files.server))
    server.verify_directly_issued_by(authority)
    return authority.serial_number, server.serial_number


def test_a_certificate_is_renewed_before_it_expires(tmp_path: Path) -> None:
    """The authority stays, so clients notice nothing."""
    made = issuer_and_serials(tls.prepare(tmp_path, NOW))
    assert issuer_and_serials(tls.prepare(tmp_path, NOW + timedelta(days=790))) == made
    renewed = issuer_and_serials(tls.prepare(tmp_path, NOW + timedelta(days=800)))
    assert renewed[0] == made[0]
    assert renewed[1] != made[1]


def test_an_expiring_authority_is_replaced_with_its_certificates(tmp_path: Path) -> None:
    """A certificate never outlives its authority, and one of another authority is replaced."""
    made = issuer_and_serials(tls.prepare(tmp_path, NOW))
    late = tls.prepare(tmp_path, NOW + timedelta(days=3600))
    authority, server = (x509.load_pem_x509_certificate(file.read_bytes()) for file in (late.authority, late.server))
    assert server.not_valid_after_utc <= authority.not_valid_after_utc
    renewed = issuer_and_serials(tls.prepare(tmp_path, NOW + timedelta(days=3640)))
    assert not {*made} & {*renewed}


@pytest.mark.parametrize("broken", ["ca-key.pem", "server-key.pem", "ca.pem"])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_damaged_certificate_file_is_replaced(tmp_path: Path, broken: str, content: bytes | None) -> None:
    """A missing or incomplete file does not prevent the start; the new one is private, whatever the umask."""
    tls.prepare(tmp_path, NOW)
    (tmp_path / broken).unlink()
    if content is not None:
        (tmp_path / broken).write_bytes(content)
    issuer_and_serials(tls.prepare(tmp_path, NOW))
    assert stat.S_IMODE((tmp_path / broken).stat().st_mode) == 0o600
