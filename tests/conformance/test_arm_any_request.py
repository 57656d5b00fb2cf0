"""Random requests: the answer is always ARM's, and never an internal error of the simulated cloud."""

import json
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.arm import LONG, SUBSCRIPTION, Arm
from tests.conformance.spelling import CONTRIBUTOR, DISK, GROUP, IDENTITY, NET, NIC, PUTS, ROLE, SHAPES, VM, Spelling
from vmops.local.arm.routes import TABLE
from vmops.local.arm.shapes.machines import DATA_DISKS
from vmops.local.arm.shapes.requests import TAG_CHANGE
from vmops.local.arm.shapes.shape import Many, Named, Parts, Shape, Shown, Word
from vmops.local.arm.state.clock import ManualClock
from vmops.local.arm.state.resource_id import ResourceId

METHODS = ("GET", "PUT", "PATCH", "POST", "DELETE", "HEAD", "OPTIONS")
VERSIONS = ("2024-07-01", "2015-06-15", "2019-12-01-preview", "", "9", "v?", "2024-07-01&x=1")
QUERIES = ("", "&$top=1", "&$top=x", "&$skiptoken=*", "&$filter=name eq 'a'", "&$filter='", "&$expand=instanceView")
TEXTS: tuple[str, ...] = (
    "",
    "a",
    "westus2",
    "10.0.0.0/24",
    "10.0.0.9",
    "*",
    "22",
    "latest",
    "Standard_B2s",
    "/",
    "ü",
    "\ud800",
)
TEXTS = (*TEXTS, "x" * 300, VM, DISK, NIC, NET, GROUP, IDENTITY, f"{NET}/subnets/sub", "/subscriptions/x", VM.upper())
NAMES = {"location": "westus2", "virtualNetworks": "net", "subnets": "sub", "networkSecurityGroups": "Walls"}
NAMES |= {"securityRules": "Web", "publicIPAddresses": "Door", "networkInterfaces": "Wire", "disks": "Big"}
NAMES |= {"virtualMachines": "Box", "publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server"}
NAMES |= {"userAssignedIdentities": "Me", "assignment": ROLE.rpartition("/")[2], "lock": "keep"}
NAMES |= {"namespace": "Microsoft.Storage", "role": CONTRIBUTOR.rpartition("/")[2]}
ODD: tuple[Any, ...] = (None, True, -1, 0, 7.5, 10**30, "a", [], {}, [None], [[]], {"a": None}, {"": {}})


class Asking:
    """Requests that are drawn by a seed: to every route, and writes that are almost right."""

    def __init__(self, seed: int) -> None:
        self._drawn, self._spell = Random(seed), Spelling(seed)

    def request(self) -> tuple[str, str, Any]:
        """Give a method, a path with its query, and a body."""
        method, path, body = self._write() if self._drawn.random() < 0.6 else self._any()
        path = path if self._drawn.random() < 0.7 else self._spell.path(path)
        rare = ("/", "//a", "/start", "/providers/Microsoft.Resources/tags/default", "")
        path += self._drawn.choice(rare) if self._drawn.random() < 0.1 else ""
        query = f"?api-version={self._drawn.choice(VERSIONS)}{self._drawn.choice(QUERIES)}"
        return method, path + query, body

    def _write(self) -> tuple[str, str, Any]:
        """Write an existing resource, or a similar one, with a request that is wrong in a place or two."""
        path = self._drawn.choice(list(PUTS))
        body = deepcopy(PUTS[path])
        for _ in range(self._drawn.randrange(4)):
            self._spoil(body, SHAPES[ResourceId.parse(path).type])
        path = path if self._drawn.random() < 0.6 else path + "2"
        return self._drawn.choice(("PUT", "PUT", "PATCH")), path, body

    def _any(self) -> tuple[str, str, Any]:
        """Send a request to a route of the table, mostly with its own method."""
        method, template, _ = self._drawn.choice(TABLE)
        method = method if self._drawn.random() < 0.9 else self._drawn.choice(METHODS)
        shape = TAG_CHANGE if "tags" in template else DATA_DISKS
        return method, self._filled(template), self._value(shape) if method != "GET" else None

    def _filled(self, template: str) -> str:
        steps = template.replace("{subscription}", SUBSCRIPTION).replace("{group}", "rg").split("/")
        return "/".join(self._named(step.strip("{}")) if step.startswith("{") else step for step in steps)

    def _named(self, kind: str) -> str:
        return NAMES[kind] if kind in NAMES and self._drawn.random() < 0.8 else self._drawn.choice(("no", "%20", "é"))

    def _spoil(self, body: Any, shape: Shape) -> None:
        """Remove, add or replace something in one of the objects of a request."""
        holder, parts = self._drawn.choice(list(_objects(body, shape)))
        more, of = self._drawn.choice(list(parts.names.values()))
        name = self._drawn.choice([*holder, more])
        known, of = parts.names.get(name.lower(), (name, of))
        holder[known] = self._value(of)
        if self._drawn.random() < 0.3:
            del holder[known]

    def _value(self, shape: Shape) -> Any:
        if self._drawn.random() < 0.05:
            return deepcopy(self._drawn.choice(ODD))
        match shape:
            case Word(spelled):
                return self._drawn.choice(list(spelled.values()))
            case Many(of):
                return [self._value(of) for _ in range(self._drawn.randrange(3))]
            case Named(of):
                return {name: self._value(of) for name in self._drawn.sample(TEXTS, 2)}
            case Parts(names):
                return {name: self._value(of) for name, of in names.values() if self._drawn.random() < 0.6}
        if shape is str:
            return self._drawn.choice(TEXTS)
        return self._drawn.choice((True, False) if shape is bool else (0, 1, 4, 100, 4096, -1))


def _objects(body: Any, shape: Shape) -> Iterator[tuple[dict[str, Any], Parts]]:
    """Give the objects in a request, with the shape of each."""
    if isinstance(shape, Parts) and isinstance(body, dict):
        yield body, shape
        for name, part in body.items():
            yield from _objects(part, shape.names.get(name.lower(), (name, Shown))[1])
    elif isinstance(shape, Many) and isinstance(body, list):
        for part in body:
            yield from _objects(part, shape.of)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0))
def test_no_request_causes_an_internal_error(seed: int) -> None:
    """No answer is a 500, and a list still works afterwards."""
    asking = Asking(seed)
    with tempfile.TemporaryDirectory() as folder, Arm(Path(folder) / "cloud.db", ManualClock()) as arm:
        arm.make_group()
        for path, body in PUTS.items():
            arm.done(arm("PUT", path, body))
        for _ in range(25):
            method, url, body = asking.request()
            answer = arm.send(method, url, content=json.dumps(body))
            assert answer.status_code < 500, (method, url, json.dumps(body), answer.text)
            arm.clock.advance(LONG)
        assert arm.send("GET", "/_local/resources").status_code == 200
