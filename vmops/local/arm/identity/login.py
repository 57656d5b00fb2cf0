"""The token endpoint: exchanges a client's id and secret for an access token.

Source: Microsoft identity platform, client credentials flow; the refusals, its error codes reference.
"""

import hmac
import uuid
from dataclasses import dataclass

from vmops.local.arm.identity.tokens import LIFETIME, AccessTokens
from vmops.local.arm.state.clock import timestamp
from vmops.local.arm.wire.messages import Reply

_GRANT = "client_credentials"
_REFUSALS = {
    900144: (400, "invalid_request", "The request body must contain the following parameter: '{name}'."),
    70003: (400, "unsupported_grant_type", "The app requested an unsupported grant type '{grant}'."),
    7000218: (
        401,
        "invalid_client",
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    7000215: (
        401,
        "invalid_client",
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not "
        "the client secret ID, for a secret added to app '{client}'.",
    ),
}


@dataclass(frozen=True)
class Tenant:
    """One tenant, of any name: clients log in with the secret, under any client id."""

    name: str
    base: str
    secret: str
    tokens: AccessTokens

    def login(self, form: dict[str, str], now: float) -> Reply:
        """Answer a token request: with a token, or with the reason for none."""
        for name in ("grant_type", "client_id", "scope"):
            if not form.get(name):
                return _refusal(900144, now, name=name)
        if form["grant_type"] != _GRANT:
            return _refusal(70003, now, grant=form["grant_type"])
        if not form.get("client_secret"):
            return _refusal(7000218, now)
        if not hmac.compare_digest(form["client_secret"].encode(), self.secret.encode()):
            return _refusal(7000215, now, client=form["client_id"])
        return self._token(form["client_id"], form["scope"])

    def _token(self, client: str, scope: str) -> Reply:
        audience = scope.removesuffix("/.default")
        token = self.tokens.issue(f"{self.base}/{self.name}/v2.0", self.name, client, audience)
        times = {"expires_in": LIFETIME, "ext_expires_in": LIFETIME}
        return Reply(200, {"token_type": "Bearer", **times, "access_token": token})


def _refusal(number: int, now: float, **blanks: str) -> Reply:
    status, error, words = _REFUSALS[number]
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    moment = timestamp(now)[:19].replace("T", " ") + "Z"
    lines = (
        f"AADSTS{number}: {words.format(**blanks)} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}"
    )
    body = {
        "error": error,
        "error_description": lines,
        "error_codes": [number],
        "timestamp": moment,
        "trace_id": trace,
        "correlation_id": correlation,
    }
    return Reply(status, body)
