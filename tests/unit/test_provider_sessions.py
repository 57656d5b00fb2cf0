"""The local provider's sessions, one for each connected engine."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2 as protocol
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from tests.another_user import as_another
from vmops.core import peers
from vmops.core.polling import NotYet, poll_until
from vmops.local.provider.arm import Arm
from vmops.local.provider.server import Served, serve

GROUP = "azure-native:resources:ResourceGroup"
NOWHERE = Arm("http://127.0.0.1:9", "token")


@pytest.fixture
def served() -> Iterator[Served]:
    """Give a provider without an ARM."""
    provider = serve(NOWHERE)
    yield provider
    provider.stop()


@contextmanager
def engine(served: Served) -> Iterator[ResourceProviderStub]:
    """Connect like an engine, with a separate connection."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{served.port}", options=options) as channel:
        yield ResourceProviderStub(channel)


def configure(stub: ResourceProviderStub, location: str) -> None:
    stub.Configure(protocol.ConfigureRequest(variables={"azure-native:config:location": location}))


def location(stub: ResourceProviderStub) -> str:
    """Give the location that the provider adds for an engine."""
    checked = stub.Check(protocol.CheckRequest(type=GROUP, name="g", urn=f"urn:pulumi:s::p::{GROUP}::g", news=Struct()))
    return str(checked.inputs["location"])


def connected(served: Served) -> bool:
    """Tell whether a provider has any connection; a closed one disappears after a while."""
    made = [each for each in psutil.Process().net_connections("tcp") if each.raddr]
    return any(served.port in (each.laddr.port, each.raddr.port) for each in made)


def test_each_connection_keeps_its_own_configuration(served: Served) -> None:
    """Engines that configure themselves at the same moment never get one another's answers, nor lose their own."""
    with ExitStack() as opened, ThreadPoolExecutor(16) as pool:
        stubs = [opened.enter_context(engine(served)) for _ in range(40)]
        places = [f"place{number}" for number in range(40)]
        list(pool.map(configure, stubs, places))
        assert list(pool.map(location, stubs)) == places


def test_a_closed_connection_is_forgotten(served: Served) -> None:
    """A daemon that serves for weeks keeps nothing of engines that were killed."""
    with engine(served) as killed:
        configure(killed, "westus2")
    assert poll_until(lambda: NotYet(0.01) if connected(served) else True, timeout=60)
    with engine(served) as other:
        configure(other, "eastus")
        assert len(served.sessions) == 1
        assert location(other) == "eastus"


def test_a_call_without_configuration_is_refused_with_a_step(served: Served) -> None:
    """As after the local Azure was replaced."""
    with engine(served) as stub, pytest.raises(grpc.RpcError) as refusal:
        location(stub)
    assert "was restarted while this deployment ran" in (refusal.value.details() or "")


def test_cancel_ends_only_one_engines_calls(served: Served) -> None:
    """An interrupted engine ends at once; other engines continue."""
    group = protocol.ReadRequest(type=GROUP, id="/subscriptions/s/resourceGroups/g", timeout=1)
    with engine(served) as one, engine(served) as other:
        configure(one, "westus2")
        configure(other, "westus2")
        one.Cancel(Empty())
        with pytest.raises(grpc.RpcError) as cancelled:
            one.Read(group)
        with pytest.raises(grpc.RpcError) as timed_out:
            other.Read(group)
    assert cancelled.value.details() == "operation canceled"
    assert timed_out.value.details() == "operation timed out"


def test_a_used_port_is_an_error(served: Served) -> None:
    """Two providers at one port would share the engines between them."""
    with pytest.raises(OSError, match=f"port {served.port} of 127.0.0.1 is taken"):
        serve(NOWHERE, served.port)


def test_an_unsupported_call_is_unimplemented(served: Served) -> None:
    """What this provider cannot do, it says it cannot do."""
    with engine(served) as stub, pytest.raises(grpc.RpcError) as refusal:
        stub.Invoke(protocol.InvokeRequest(tok="azure-native:authorization:getClientConfig"))
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


def refused_as(port: int, call: str) -> str:
    """Call a provider, and give the code of its refusal; empty if it succeeds."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = ResourceProviderStub(channel)
        calls = {"Configure": protocol.ConfigureRequest(), "Delete": protocol.DeleteRequest(type=GROUP, id="/g")}
        try:
            getattr(stub, call)(calls[call], timeout=240)
        except grpc.RpcError as refusal:
            return str(refusal.code().name)
    return ""


@pytest.mark.parametrize("table", ["a table", "no table"])
@pytest.mark.parametrize("call", ["Configure", "Delete"])
def test_another_user_is_refused(
    served: Served, call: str, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The port has no other authentication."""
    if table == "no table":
        monkeypatch.setattr(peers, "_TABLES", (tmp_path / "tcp", tmp_path / "tcp6"))
    assert as_another(refused_as, served.port, call) == "PERMISSION_DENIED"
    assert refused_as(served.port, "Configure") == ""
