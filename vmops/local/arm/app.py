"""The simulated Azure Resource Manager as an ASGI application."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from vmops.core.errors import SpecError
from vmops.local.arm.busy import Busy
from vmops.local.arm.deployments.run import Deployments
from vmops.local.arm.faults.middleware import Faults
from vmops.local.arm.faults.rule import read_rules
from vmops.local.arm.faults.rules import Rules
from vmops.local.arm.front_door import FrontDoor, refused, response
from vmops.local.arm.internal_requests import InternalRequests
from vmops.local.arm.limits.bucket import Buckets
from vmops.local.arm.middleware import LOCAL, BearerToken, Journal, Slashes, new_journal
from vmops.local.arm.models import RULES, guests
from vmops.local.arm.models.compute.capacity import list_rooms, put_rooms, read_rooms
from vmops.local.arm.policies.enforcement import list_policies, put_policies
from vmops.local.arm.policies.policy import read_policies
from vmops.local.arm.reconciler import Reconciler
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.clock import Clock, WallClock
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.cloud import Rules as TypeRules
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import DEPLOYMENT_TYPE
from vmops.local.arm.state.seal import Seal
from vmops.local.arm.state.store import Store
from vmops.local.guests.client import GuestsClient
from vmops.local.retail.endpoint import RetailPrices


def create_app(
    database: Path,
    token: str,
    *,
    pace: float = 0.02,
    clock: Clock | None = None,
    guests_client: GuestsClient | None = None,
) -> Starlette:
    """Serve a simulated cloud, whose state is in a SQLite file, to clients with the token.

    ``pace`` is the length of a second of Azure's time: 1 is Azure's own pace, with 0 every operation has ended by
    the first poll. ``guests_client`` runs the guests inside the machines, if there are any. The application keeps the
    file open until it is shut down.
    """
    clock = clock or WallClock()
    buckets = Buckets(clock, pace)
    all_rules: dict[str, TypeRules] = {**RULES, DEPLOYMENT_TYPE.lower(): Deployments(InternalRequests(buckets))}
    cloud = Cloud(Store(database, clock.now), clock, pace, all_rules, Seal(token))
    journal, rules, reconciler = new_journal(), Rules(cloud), Reconciler(cloud, guests_client)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        reconciling = asyncio.create_task(reconciler.run())
        yield
        reconciling.cancel()
        reconciler.disconnect()
        cloud.store.close()

    return Starlette(
        routes=[
            Mount(
                LOCAL, routes=[*_local_routes(cloud, journal), *_settings(cloud, rules), *_guests(cloud, reconciler)]
            ),
            Mount("/", app=FrontDoor(cloud, buckets)),
        ],
        middleware=[
            Middleware(RetailPrices),
            Middleware(Journal, entries=journal, clock=cloud.clock),
            Middleware(Slashes),
            Middleware(BearerToken, token=token),
            Middleware(Faults, cloud=cloud, rules=rules),
            Middleware(Busy, cloud=cloud),
        ],
        exception_handlers={Exception: _broken},
        lifespan=lifespan,
    )


async def _broken(_request: Request, reason: Exception) -> Response:
    """Answer after an exception of the simulator itself, which is also logged."""
    return response(refused(ArmError("InternalServerError", reason=repr(reason))))


def _local_routes(cloud: Cloud, journal: deque[Json]) -> list[Route]:
    """List the routes that only this cloud has: its health, its journal, its resources, and its reset."""

    async def health(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def list_journal(_request: Request) -> JSONResponse:
        return JSONResponse(list(journal))

    async def list_resources(_request: Request) -> JSONResponse:
        cloud.apply_due()
        empty: Json = {"location": None, "tags": {}}
        return JSONResponse([empty | found.body for found in cloud.store.everything()])

    async def reset(_request: Request) -> JSONResponse:
        with cloud.store.transaction():
            cloud.store.clear()
        cloud.notify()
        journal.clear()
        return JSONResponse({})

    return [
        Route("/health", health),
        Route("/journal", list_journal),
        Route("/resources", list_resources),
        Route("/reset", reset, methods=["POST"]),
    ]


def _settings(cloud: Cloud, rules: Rules) -> list[Route]:
    """List the routes of settings that are replaced as a whole: faults, policies and capacity, and of delayed calls."""

    async def faults(request: Request) -> JSONResponse:
        return await _set(request, lambda plain: rules.replace(read_rules(plain)), rules.plain)

    async def policies(request: Request) -> JSONResponse:
        def replace(plain: object) -> None:
            put_policies(cloud, read_policies(plain))

        return await _set(request, replace, lambda: list_policies(cloud))

    async def capacity(request: Request) -> JSONResponse:
        def replace(plain: object) -> None:
            put_rooms(cloud, read_rooms(plain))

        cloud.apply_due()
        return await _set(request, replace, lambda: list_rooms(cloud))

    async def kept(_request: Request) -> JSONResponse:
        return JSONResponse(rules.delayed())

    return [
        Route("/faults", faults, methods=["GET", "PUT"]),
        Route("/kept", kept),
        Route("/policies", policies, methods=["GET", "PUT", "DELETE"]),
        Route("/capacity", capacity, methods=["GET", "PUT", "DELETE"]),
    ]


def _guests(cloud: Cloud, reconciler: Reconciler) -> list[Route]:
    """List the routes about guests: all of them, and the console output of one."""

    async def list_guests(_request: Request) -> JSONResponse:
        cloud.apply_due()
        return JSONResponse(await reconciler.describe())

    async def log(request: Request) -> JSONResponse:
        known = {each.properties["vmId"] for each in guests.machines(cloud)}
        vm_id = request.path_params["vm_id"]
        return JSONResponse(reconciler.log(vm_id) if vm_id in known else None)

    return [Route("/guests", list_guests), Route("/guests/{vm_id}/log", log)]


async def _set(request: Request, replace: Callable[[object], None], shown: Callable[[], Any]) -> JSONResponse:
    """Answer with a list; PUT replaces it first, and DELETE empties it first."""
    try:
        if request.method in ("PUT", "DELETE"):
            replace(await request.json() if request.method == "PUT" else [])
    except ValueError as wrong:
        path = request.url.path.rpartition("/")[2]
        problems = wrong.problems if isinstance(wrong, SpecError) else [f"{path}: the body is no JSON"]
        return JSONResponse({"problems": problems}, 400)
    return JSONResponse(shown())
