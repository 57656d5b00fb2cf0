"""An answer that does not have ARM's form is an error and never counts as empty: at the wire, and by mutation."""

import copy
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmops.azure import responses
from vmops.azure.client import Arm
from vmops.azure.clouds import Cloud
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.azure.inventory import read
from vmops.azure.ownership import Claim, is_ours, stack_of
from vmops.azure.responses import UNREADABLE, accepted, progress
from vmops.azure.vm_state import VmState, get_vm_state, in_transit
from vmops.core.errors import CloudError
from vmops.core.failures import FailureKind
from vmops.spec.names import Identity

T = TypeVar("T")

GROUP = "/subscriptions/0/resourceGroups/g"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm"
CLAIM = Claim(Identity("local", "0", "g", "vm"), "ada")
FINAL = "/subscriptions/0/providers/Microsoft.Compute/locations/westus2/operations/op"
MACHINE: dict[str, Any] = {
    "id": VM,
    "name": "vm",
    "type": "Microsoft.Compute/virtualMachines",
    "location": "westus2",
    "zones": ["1"],
    "tags": {"vmops-stack": "vm-1", "vmops-owner": "ada"},
    "properties": {
        "provisioningState": "Succeeded",
        "priority": "Regular",
        "hardwareProfile": {"vmSize": "Standard_B2s"},
        "instanceView": {"statuses": [{"code": "ProvisioningState/succeeded"}, {"code": "PowerState/running"}]},
        "storageProfile": {
            "osDisk": {"name": "vm-osdisk", "diskSizeGB": 30, "managedDisk": {"id": f"{GROUP}/x/y"}},
            "dataDisks": [{"lun": 0, "name": "vm-data-0", "diskSizeGB": 4}],
        },
        "osProfile": {"linuxConfiguration": {"ssh": {"publicKeys": [{"path": "/p", "keyData": "ssh-rsa A"}]}}},
        "networkProfile": {"networkInterfaces": [{"id": f"{GROUP}/nic"}]},
    },
}
NOT_FOUND = {"error": {"code": "ResourceNotFound", "message": "not there"}}


class Answering(ThreadingHTTPServer):
    """A server that answers as a test sets it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.tell: Callable[[Handler], None] = lambda _: None
        self.asked: list[str] = []
        self.ended = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """Answer every GET as set."""

    server: Answering

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.tell(self)

    def say(self, status: int, body: bytes, **headers: str) -> None:
        """Send a complete answer."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[Answering]:
    with Answering() as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield serving
        serving.ended.set()
        serving.shutdown()


@pytest.fixture
def arm(server: Answering) -> Arm:
    return Arm(Cloud("local", server.url, token="t"), timeout=30)


def says(server: Answering, status: int, body: object, **headers: str) -> None:
    """Set the answer to every request; anything but text is sent as JSON."""
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    server.tell = lambda handler: handler.say(status, raw, **headers)


def refused(ask: Callable[[], object]) -> CloudError:
    """Give the error that a call raises."""
    with pytest.raises(CloudError) as caught:
        ask()
    return caught.value


PAGES = {
    "portal": (200, "<html>Please log in</html>"),
    "empty": (200, ""),
    "nothing": (204, ""),
    "null": (200, "null"),
    "list": (200, "[]"),
    "text": (200, '"value"'),
    "no value": (200, "{}"),
    "value is null": (200, '{"value": null}'),
    "value is an object": (200, '{"value": {}}'),
    "value of texts": (200, '{"value": ["a"]}'),
    "value without ids": (200, '{"value": [{"name": "a", "type": "b"}]}'),
    "tags are a list": (200, '{"value": [{"id": "/a/b", "name": "a", "type": "b", "tags": []}]}'),
    "next is a number": (200, '{"value": [], "nextLink": 7}'),
    "redirect": (302, '{"value": []}'),
    "deep": (200, "[" * 100_000),
    "half": (200, '{"value": ['),
}


@pytest.mark.parametrize("answer", PAGES.values(), ids=PAGES)
def test_a_malformed_list_is_an_error(server: Answering, arm: Arm, answer: tuple[int, str]) -> None:
    """An empty list would make the cleanup delete the group."""
    says(server, *answer)
    error = refused(lambda: arm.contents(GROUP))
    assert (error.code, error.resource) == (UNREADABLE, f"{GROUP}/resources")
    assert failure_from_cloud_error(error).kind is FailureKind.INTERRUPTED
    assert "proxy" in failure_from_cloud_error(error).next_step


@pytest.mark.parametrize("answer", [*PAGES.values(), (200, json.dumps({**MACHINE, "id": f"{VM}2"}))])
def test_a_malformed_resource_is_an_error(server: Answering, arm: Arm, answer: tuple[int, str]) -> None:
    """So is another resource than the requested one."""
    says(server, *answer)
    assert refused(lambda: arm.get(VM)).code == UNREADABLE


@pytest.mark.parametrize(
    ("body", "absent"),
    [
        (NOT_FOUND, True),
        ({"error": {"code": "ResourceGroupNotFound"}}, True),
        ({"error": {"code": "SubscriptionNotFound"}}, False),
        ({"error": {"code": "InvalidResourceType"}}, False),
        ({"error": "ResourceNotFound"}, False),
        ("<html>no such page</html>", False),
        ("", False),
    ],
)
def test_only_arms_404_counts_as_absent(server: Answering, arm: Arm, body: object, absent: bool) -> None:
    """A proxy's 404 page, or a subscription that the caller may not see, is no proof of absence."""
    says(server, 404, body)
    if absent:
        assert arm.get(VM) is None
        assert (read(arm, CLAIM).group, read(arm, CLAIM).to_go) == (None, [])
    else:
        assert refused(lambda: arm.get(VM)).status == 404
        assert refused(lambda: read(arm, CLAIM)).status == 404


OPERATIONS = {
    **{name: PAGES[name] for name in ("portal", "empty", "nothing", "null", "list", "text", "no value", "deep")},
    "no word": (200, '{"status": null}'),
    "a number": (200, '{"status": 7}'),
    "a word never seen": (200, '{"status": "Sideways"}'),
    "redirect": (307, '{"status": "Succeeded"}'),
}


@pytest.mark.parametrize("answer", OPERATIONS.values(), ids=OPERATIONS)
def test_a_malformed_operation_has_not_succeeded(server: Answering, arm: Arm, answer: tuple[int, str]) -> None:
    """Only the status says how an operation ended."""
    says(server, *answer)
    assert refused(lambda: arm.operation(server.url + FINAL)).code == UNREADABLE


@pytest.mark.parametrize(("status", "body"), [(200, ""), (204, ""), (200, json.dumps(MACHINE))])
def test_a_location_handle_accepts_an_empty_answer_or_the_resource(
    server: Answering, arm: Arm, status: int, body: str
) -> None:
    """The handle records that the URL came from a ``Location`` header."""
    handle = accepted({"Location": server.url + FINAL}).url
    assert handle is not None
    says(server, status, body)
    seen = arm.operation(handle)
    assert (seen.over, seen.succeeded) == (True, True)
    assert server.asked == [FINAL]


def test_a_location_handle_refuses_html(server: Answering, arm: Arm) -> None:
    """Only ARM's empty body or JSON ends the operation."""
    says(server, 200, "<html>")
    assert refused(lambda: arm.operation(f"{server.url}{FINAL}#location")).code == UNREADABLE


def test_azure_asyncoperation_takes_precedence_over_location() -> None:
    """It reports how the operation ended, and not only that it did."""
    assert accepted({"Azure-AsyncOperation": "https://a/1", "Location": "https://a/2"}).url == "https://a/1"
    assert accepted({}).url is None


@pytest.mark.parametrize("value", ["²", "-1", "1.5", "soon", "9" * 5000, ""])
def test_a_malformed_retry_after_is_ignored(value: str) -> None:
    """Then the caller's own interval applies."""
    assert responses.retry_after({"Retry-After": value}) is None


def test_an_endless_body_is_refused_by_size(server: Answering, arm: Arm) -> None:
    """It is neither read to its end nor requested again."""

    def flood(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(2**32))
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b" " * 2**20)
        except OSError:
            server.ended.set()

    server.tell = flood
    assert "longer than" in str(refused(lambda: arm.get(VM)))
    assert server.ended.wait(60)
    assert len(server.asked) == 1


@pytest.mark.parametrize("chunked", [False, True])
def test_a_slow_body_is_refused_by_time(server: Answering, chunked: bool) -> None:
    """Each byte arrives in time, but the whole body does not."""

    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", "100000")))
        handler.end_headers()
        try:
            while not server.ended.wait(0.05):
                handler.wfile.write(b"1\r\n \r\n" if chunked else b" ")
        except OSError:
            return

    server.tell = drip
    impatient = Arm(Cloud("local", server.url, token="t"), timeout=0.5)
    assert "not complete after 0.5 seconds" in str(refused(lambda: impatient.get(VM)))


def test_a_next_page_on_another_host_is_refused(server: Answering, arm: Arm) -> None:
    """The token is not sent there, and the list does not count as complete."""
    with Answering() as other:
        says(server, 200, {"value": [], "nextLink": f"{other.url}/more"})
        error = refused(lambda: arm.contents(GROUP))
    assert (error.code, other.asked) == (UNREADABLE, [])


def test_an_endless_list_is_an_error(server: Answering, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page may name itself as the next one."""
    monkeypatch.setattr("vmops.azure.client._MAX_PAGES", 3)
    says(server, 200, {"value": [], "nextLink": f"{server.url}{GROUP}/resources"})
    assert "does not end" in str(refused(lambda: arm.contents(GROUP)))
    assert len(server.asked) == 3


def test_an_explicit_default_port_is_the_same_endpoint() -> None:
    """ARM writes some of its URLs with the port."""
    public = Arm(Cloud("public", "https://management.azure.com"), timeout=1)
    public.check_own("https://management.azure.com:443/operations/1")
    with pytest.raises(ValueError, match="not on this cloud's endpoint"):
        public.check_own("https://management.azure.com:8443/operations/1")


def test_loopback_is_reached_without_a_proxy(server: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would get the token."""
    with Answering() as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        says(server, 200, MACHINE)
        assert Arm(Cloud("local", server.url, token="t"), timeout=30).get(VM) is not None
        proxy.shutdown()
    assert proxy.asked == []


def read_or_refused(read: Callable[[], T]) -> T | None:
    """Give the result of a read; None if it is refused as malformed."""
    try:
        return read()
    except CloudError as error:
        refusal = error
    assert refusal.code == UNREADABLE
    return None


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from _paths(each, (*path, key))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
DROP = object()


@given(st.sampled_from(list(_paths(MACHINE))[1:]), JSON | st.just(DROP))
def test_any_mutated_body_is_read_or_refused(path: tuple[Any, ...], value: Any) -> None:
    """No reader of a resource meets an unexpected type."""
    body = copy.deepcopy(MACHINE)
    holder = body
    for key in path[:-1]:
        holder = holder[key]
    if value is DROP:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    raw = json.dumps(body).encode()
    answer = SimpleNamespace(status_code=200, headers={}, content=raw, reason="OK")
    seen = read_or_refused(lambda: responses.resource(answer, VM))
    if seen is None:
        return
    fake: Any = SimpleNamespace(get=lambda *_, **__: seen)
    state = get_vm_state(fake, VM)
    assert isinstance(state, VmState)
    assert {type(each) for each in state.summary().values()} == {str}
    assert stack_of(seen) in {"", "vm-1", seen.get("tags", {}).get("vmops-stack")}
    assert in_transit(seen) in {True, False}
    assert is_ours(seen, CLAIM) in {True, False}


@given(JSON)
def test_any_operation_answer_is_read_or_refused(body: Any) -> None:
    """Only the status Succeeded counts as success."""
    answer = SimpleNamespace(status_code=200, headers={}, content=json.dumps(body).encode(), reason="OK")
    seen = read_or_refused(lambda: progress(answer, "https://a/operation"))
    assert seen is None or str(body["status"]).lower() == "succeeded" or not seen.succeeded


@given(JSON, st.integers(400, 599))
def test_any_refusal_body_is_a_refusal(body: Any, status: int) -> None:
    """Code and message are read only if they are strings."""
    answer = SimpleNamespace(status_code=status, headers={}, content=json.dumps(body).encode(), reason="Bad")
    error = responses.refusal(answer, VM)
    assert (error.status, error.resource) == (status, VM)
    assert str(error)
