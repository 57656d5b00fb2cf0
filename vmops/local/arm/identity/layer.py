"""The identity layer before an ARM that knows one secret: logins, and access tokens exchanged for that secret."""

from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from vmops.local.arm.front_door import refused, response
from vmops.local.arm.identity import documents
from vmops.local.arm.identity.login import Tenant
from vmops.local.arm.identity.tokens import AccessTokens, Expired
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.clock import Clock, WallClock, timestamp
from vmops.local.arm.wire.messages import Reply

# Source: ARM's answer to an expired token.
_CHALLENGE = (
    'Bearer authorization_uri="https://login.windows.net/common", error="invalid_token", '
    'error_description="The access token expired"'
)


class IdentityLayer:
    """Serves logins to everybody, and passes other requests on with the secret in place of a valid access token.

    ``secret`` is what the application behind it expects, and what clients log in with. Neither is ever logged: requests
    that are answered here are in no journal.
    """

    def __init__(self, app: ASGIApp, secret: str, *, clock: Clock | None = None) -> None:
        self._app, self._secret, self._clock = app, secret, clock or WallClock()
        self._tokens = AccessTokens(secret, self._clock)
        self._router = Router(
            [
                Route("/metadata/endpoints", _endpoints),
                Route("/common/discovery/instance", _discovery),
                Route("/{tenant}/v2.0/.well-known/openid-configuration", _openid),
                Route("/{tenant}/discovery/v2.0/keys", _keys),
                Route("/{tenant}/oauth2/v2.0/token", self._login, methods=["POST"]),
            ],
            redirect_slashes=False,
            default=self._pass_on,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or pass it on."""
        serve = self._router if scope["type"] == "http" else self._app
        await serve(scope, receive, send)

    async def _login(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        tenant = Tenant(request.path_params["tenant"], _base(request), self._secret, self._tokens)
        return response(tenant.login(form, self._clock.now()))

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        scheme, _, token = Headers(scope=scope).get("Authorization", "").partition(" ")
        serve = self._app
        try:
            if scheme.lower() == "bearer" and self._tokens.valid(token):
                scope = {**scope, "headers": list(scope["headers"])}
                MutableHeaders(scope=scope)["Authorization"] = f"Bearer {self._secret}"
        except Expired as expired:
            serve = response(self._too_late(expired))
        await serve(scope, receive, send)

    def _too_late(self, expired: Expired) -> Reply:
        """Refuse an expired token. Source: what users of azurerm and azure-cli report."""
        then, now = timestamp(expired.at), timestamp(self._clock.now())
        message = f"The access token expiry UTC time '{then}' is earlier than current UTC time '{now}'."
        headers = {"x-ms-failure-cause": "gateway", "WWW-Authenticate": _CHALLENGE}
        return Reply(401, {"error": {"code": "ExpiredAuthenticationToken", "message": message}}, headers)


async def _endpoints(request: Request) -> Response:
    version = request.query_params.get("api-version")
    if not version:
        return response(refused(ArmError("MissingApiVersionParameter")))
    return JSONResponse(documents.endpoints(_base(request), version))


async def _openid(request: Request) -> Response:
    return JSONResponse(documents.openid(_base(request), request.path_params["tenant"]))


async def _discovery(request: Request) -> Response:
    return JSONResponse(documents.discovery(_base(request), request.query_params.get("authorization_endpoint", "")))


async def _keys(_request: Request) -> Response:
    """Publish no keys: tokens are signed and checked here only."""
    return JSONResponse({"keys": []})


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"
