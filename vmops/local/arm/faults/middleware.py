"""Applies faults to calls, between the check of the token and the front door."""

import json
from contextlib import suppress
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vmops.local.arm.faults.effects import Delay, Drop, Fail, Lag, Lose, Refuse, Stick
from vmops.local.arm.faults.observed import ObservedCall, observe
from vmops.local.arm.faults.outcome import change_outcome, refusal
from vmops.local.arm.faults.rules import Rules
from vmops.local.arm.front_door import response
from vmops.local.arm.middleware import LOCAL
from vmops.local.arm.state import lro
from vmops.local.arm.state.cloud import Cloud

_TIMEOUT = Refuse(code="GatewayTimeout", headers={"x-ms-failure-cause": "service"})
# A server cannot write such an answer, so it closes the connection; the journal shows it as the status.
_NOTHING: Message = {"type": "http.response.start", "status": 0, "headers": []}


class Faults:
    """Applies to each call the first rule that strikes it."""

    def __init__(self, app: ASGIApp, cloud: Cloud, rules: Rules) -> None:
        self._app, self._cloud, self._rules = app, cloud, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on, or strike it."""
        if scope["type"] != "http" or scope["path"].startswith(LOCAL) or not self._rules:
            await self._app(scope, receive, send)
            return
        receive = await _whole(receive)
        self._cloud.apply_due()
        call = observe(self._cloud, scope["method"], scope["path"])
        match self._rules.strike(call):
            case Refuse() as effect:
                await self._refuse(effect, call, scope, receive, send)
            case Fail() | Stick() as effect:
                await self._change_outcome(effect, call, scope, receive, send)
            case Lose(answer=answer):
                await self._app(scope, receive, _lost)
                if answer == "none":
                    await send(_NOTHING)
                else:
                    await self._refuse(_TIMEOUT, call, scope, receive, send)
            case Drop():
                await send(_NOTHING)
            case Delay() as effect:
                await self._delay(effect, scope, receive, send)
            case Lag(seconds=seconds) if call.verb == "read":
                with self._cloud.store.seen_until(self._cloud.now() - seconds * self._cloud.pace):
                    await self._app(scope, receive, send)
            case Lag() | None:
                await self._app(scope, receive, send)

    async def _refuse(self, effect: Refuse, call: ObservedCall, scope: Scope, receive: Receive, send: Send) -> None:
        body = {} if effect is _TIMEOUT else await _body(scope, receive)
        reply = refusal(self._cloud, effect, call, body or (call.before.body if call.before else {}))
        await response(reply, head=call.method == "HEAD")(scope, receive, send)

    async def _change_outcome(
        self, effect: Fail | Stick, call: ObservedCall, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let the call begin its operation, and change the operation's end before anybody can poll it."""

        async def changing(message: Message) -> None:
            if message["type"] == "http.response.start":
                operation = self._cloud.store.operation(lro.id_in(Headers(raw=message["headers"])))
                if operation and operation.ended is None:
                    with self._cloud.store.transaction():
                        change_outcome(self._cloud, effect, call, operation)
            await send(message)

        await self._app(scope, receive, changing)

    async def _delay(self, effect: Delay, scope: Scope, receive: Receive, send: Send) -> None:
        """Delay a call, or its answer, without delaying others."""
        seconds = None if effect.seconds is None else effect.seconds * self._cloud.pace
        answer: list[Message] = []
        if effect.answer:
            await self._app(scope, receive, _into(answer))
        await self._rules.delay(f"{scope['method']} {scope['path']}", seconds)
        for message in answer:
            await send(message)
        if not effect.answer:
            await self._app(scope, receive, send)


async def _whole(receive: Receive) -> Receive:
    """Wait for the whole call, and replay it: rules that change between its parts apply to all of it or to none."""
    parts = [await receive()]
    while parts[-1].get("more_body"):
        parts.append(await receive())
    unread = iter(parts)

    async def again() -> Message:
        return next(unread, None) or await receive()

    return again


def _into(messages: list[Message]) -> Send:
    async def take(message: Message) -> None:
        messages.append(message)

    return take


async def _lost(_message: Message) -> None:
    """Discard the answer."""


async def _body(scope: Scope, receive: Receive) -> dict[str, Any]:
    with suppress(ValueError):
        body = json.loads(await Request(scope, receive).body() or b"{}")
        if isinstance(body, dict):
            return body
    return {}
