"""The simulated Entra ID: metadata of the cloud, logins, and tokens."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conformance.arm import AUTHORIZED, SUBSCRIPTION, TOKEN
from vmops.local.arm.app import create_app
from vmops.local.arm.identity import IdentityLayer
from vmops.local.arm.state.clock import ManualClock

HOST = "https://127.0.0.1:8443"
TENANT = "11111111-1111-1111-1111-111111111111"
LOGIN = f"/{TENANT}/oauth2/v2.0/token"
GROUPS = f"/subscriptions/{SUBSCRIPTION}/resourcegroups?api-version=2024-03-01"
FORM = {
    "grant_type": "client_credentials",
    "client_id": "an-experiment",
    "client_secret": TOKEN,
    "scope": f"{HOST}/.default",
}

Ask = Callable[..., httpx.Response]


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock that only the test moves."""
    return ManualClock()


@contextmanager
def served(database: Path, clock: ManualClock, secret: str = TOKEN) -> Iterator[Ask]:
    """Give a function that sends requests to a cloud behind its identity layer."""
    app = create_app(database, secret, clock=clock)
    transport = httpx.ASGITransport(IdentityLayer(app, secret, clock=clock))
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        client = httpx.AsyncClient(transport=transport, base_url=HOST)
        runner.run(lifespan.__aenter__())
        yield lambda method, url, **how: runner.run(client.request(method, url, **how))
        runner.run(lifespan.__aexit__(None, None, None))
        runner.run(client.aclose())


@pytest.fixture
def ask(tmp_path: Path, clock: ManualClock) -> Iterator[Ask]:
    """Give a function that sends requests to a fresh cloud."""
    with served(tmp_path / "cloud.db", clock) as way:
        yield way


def token(ask: Ask, **changes: str) -> str:
    """Log in and return the access token."""
    answer = ask("POST", LOGIN, data=FORM | changes)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def groups(ask: Ask, token: str | None) -> httpx.Response:
    """Ask ARM for the resource groups."""
    return ask("GET", GROUPS, headers={"Authorization": f"Bearer {token}"} if token else {})


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def part(token: str, number: int) -> Any:
    """Decode one part of a JSON web token."""
    content = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4)))


def test_the_metadata_is_one_cloud_or_a_list(ask: Ask) -> None:
    """Go clients read an object and azure-cli a list, both without a token; only the name differs."""
    one = ask("GET", "/metadata/endpoints", params={"api-version": "2022-09-01"}).json()
    [listed] = ask("GET", "/metadata/endpoints", params={"api-version": "2019-05-01"}).json()
    assert (one.pop("name"), listed.pop("name")) == ("AzureCloud", "AzureLocal")
    assert one == listed


def test_the_metadata_names_this_host(ask: Ask) -> None:
    """Logins and ARM are at the requested host; ARM's URL has no trailing slash."""
    told = ask("GET", "/metadata/endpoints", params={"api-version": "2022-09-01"}).json()
    assert (told["resourceManager"], told["authentication"]["loginEndpoint"]) == (HOST, HOST)
    assert told["authentication"]["audiences"][0] == f"{HOST}/"
    assert {"microsoftGraphResourceId", "portal", "batch", "vmImageAliasDoc"} <= told.keys()
    assert {"storage", "keyVaultDns"} <= told["suffixes"].keys()


def test_metadata_of_no_version_is_refused(ask: Ask) -> None:
    """An API version is required."""
    assert code(ask("GET", "/metadata/endpoints")) == (400, "MissingApiVersionParameter")


def test_discovery_names_the_token_endpoint(ask: Ask) -> None:
    """A client that follows the documents can log in."""
    asked = {"api-version": "1.0", "authorization_endpoint": f"{HOST}/{TENANT}/oauth2/v2.0/authorize"}
    found = ask("GET", "/common/discovery/instance", params=asked).json()
    assert found["metadata"][0]["aliases"] == ["127.0.0.1:8443"]
    openid = ask("GET", found["tenant_discovery_endpoint"]).json()
    assert (openid["issuer"], openid["token_endpoint"]) == (f"{HOST}/{TENANT}/v2.0", f"{HOST}{LOGIN}")
    assert ask("GET", openid["jwks_uri"]).json() == {"keys": []}
    assert ask("POST", openid["token_endpoint"], data=FORM).status_code == 200


def test_a_login_gives_a_token_that_arm_accepts(ask: Ask, clock: ManualClock) -> None:
    """The token names its client and expiry; ARM accepts it like the secret."""
    answer = ask("POST", LOGIN, data=FORM)
    told = answer.json()
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 3599)
    assert answer.headers["Cache-Control"] == "no-cache"
    claims = part(told["access_token"], 1)
    assert (claims["tid"], claims["appid"], claims["aud"]) == (TENANT, "an-experiment", HOST)
    assert claims["exp"] == clock.now() + 3599
    assert groups(ask, told["access_token"]).status_code == groups(ask, TOKEN).status_code == 200


def test_a_principal_is_the_same_at_every_login(ask: Ask) -> None:
    """Clients compare object ids."""
    first, again, other = (
        part(token(ask, client_id=name), 1)["oid"] for name in ("a-client", "a-client", "another-client")
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": "wröng"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"client_id": ""}, 400, "invalid_request", 900144),
        ({"grant_type": ""}, 400, "invalid_request", 900144),
        ({"scope": ""}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ],
)
def test_a_login_is_refused_in_entra_s_words(
    ask: Ask, changes: dict[str, str], status: int, error: str, number: int
) -> None:
    """With Entra's error and number, and without the secret that was sent."""
    answer = ask("POST", LOGIN, data=FORM | changes)
    told = answer.json()
    assert (answer.status_code, told["error"], told["error_codes"]) == (status, error, [number])
    assert told["error_description"].startswith(f"AADSTS{number}: ")
    assert "access_token" not in told
    assert TOKEN not in answer.text
    assert "wr" not in told["error_description"]


def test_an_expired_token_is_refused_as_expired(ask: Ask, clock: ManualClock) -> None:
    """It is valid to its last second, and the refusal asks for a new login."""
    mine = token(ask)
    clock.advance(3598)
    assert groups(ask, mine).status_code == 200
    clock.advance(1)
    refused = groups(ask, mine)
    assert code(refused) == (401, "ExpiredAuthenticationToken")
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert groups(ask, token(ask)).status_code == 200


def test_a_missing_token_is_refused(ask: Ask) -> None:
    """Only logins work without one."""
    assert code(groups(ask, None)) == (401, "AuthenticationFailed")


@pytest.mark.parametrize("alg", ["HS256", "none"])
def test_a_forged_token_is_refused(ask: Ask, alg: str) -> None:
    """A changed or unsigned token is refused, whatever algorithm it names."""
    header, claims, signature = token(ask).split(".")
    later = base64.urlsafe_b64encode(json.dumps({"exp": 9e9}).encode()).decode().rstrip("=")
    head = base64.urlsafe_b64encode(json.dumps({"alg": alg}).encode()).decode().rstrip("=")
    for forged in (
        f"{header}.{later}.{signature}",
        f"{head}.{claims}.{signature}",
        f"{head}.{later}.",
        f"{header}.{claims}",
        f"{header}.{claims}.é",
        "..",
    ):
        sent = {"Authorization": f"Bearer {forged}".encode()}
        assert code(ask("GET", GROUPS, headers=sent)) == (401, "AuthenticationFailed")


def test_tokens_of_another_secret_are_refused(ask: Ask, tmp_path: Path, clock: ManualClock) -> None:
    """Changing the secret ends every login; with the same secret tokens are valid in every process."""
    mine = token(ask)
    for secret, status in ((TOKEN, 200), ("another", 401)):
        with served(tmp_path / f"{status}.db", clock, secret) as other:
            assert groups(other, mine).status_code == status


def test_logins_are_not_in_the_journal(ask: Ask) -> None:
    """The journal has ARM's requests only, without secrets and tokens."""
    mine = token(ask)
    groups(ask, mine)
    journal = ask("GET", "/_local/journal", headers=AUTHORIZED)
    assert [each["path"] for each in journal.json()] == [GROUPS.partition("?")[0]]
    assert mine not in journal.text
