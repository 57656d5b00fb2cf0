"""The gRPC server: dispatches the engine's calls to methods, and returns refusals as the engine expects them.

Calls of other users of this host are refused unread.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as protocol

from vmops.core import peers
from vmops.core.errors import VmopsError
from vmops.local.provider import configuration
from vmops.local.provider.arm import Arm
from vmops.local.provider.crud import InitFailed, explain
from vmops.local.provider.messages import init_failed
from vmops.local.provider.resources import Resources
from vmops.local.provider.sessions import Caller, Sessions

_SERVICE = "pulumirpc.ResourceProvider"
"""Source: Pulumi, ``provider.proto``."""

_CALLS_AT_ONCE = 512
"""Calls in flight, of all engines together: nearly all of them wait for ARM."""

_STRANGER = "the local Azure's provider answers its own user only, and this connection is not that user's"
"""The refusal of another user's call. An engine has no key: it knows only the port (``PULUMI_DEBUG_PROVIDERS``)."""

_log = logging.getLogger(__name__)

Answerer = Callable[[Any, Caller], Message]


@dataclass(frozen=True)
class Served:
    """A provider that answers engines at a port of the loopback interface."""

    port: int
    server: grpc.Server
    sessions: Sessions

    def stop(self) -> None:
        """Accept no more calls, and end those in flight; operations that ARM has accepted continue there."""
        self.server.stop(grace=None)
        self.sessions.cancel_all()


def serve(arm: Arm, port: int = 0) -> Served:
    """Serve the provider on 127.0.0.1; port 0 means any free one.

    Raises: OSError when the port is taken.
    """
    server = grpc.server(ThreadPoolExecutor(_CALLS_AT_ONCE), options=[("grpc.so_reuseport", 0)])
    sessions = Sessions()
    try:
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
    except RuntimeError as error:
        raise OSError(f"port {port} of 127.0.0.1 is taken") from error
    answers = {name: _handler(answer, request, sessions, bound) for name, (answer, request) in _calls(arm).items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, answers),))
    server.start()
    return Served(bound, server, sessions)


def _calls(arm: Arm) -> dict[str, tuple[Answerer, type[Message]]]:
    """List the calls that are answered; gRPC itself answers UNIMPLEMENTED to all others."""
    resources = Resources(arm)
    return {
        "Handshake": (configuration.handshake, protocol.ProviderHandshakeRequest),
        "Attach": (configuration.attach, plugin_pb2.PluginAttach),
        "GetPluginInfo": (configuration.get_plugin_info, Empty),
        "GetSchema": (configuration.get_schema, protocol.GetSchemaRequest),
        "CheckConfig": (configuration.check_config, protocol.CheckRequest),
        "DiffConfig": (configuration.diff_config, protocol.DiffRequest),
        "Configure": (configuration.configure, protocol.ConfigureRequest),
        "Cancel": (configuration.cancel, Empty),
        "Check": (resources.check, protocol.CheckRequest),
        "Diff": (resources.diff, protocol.DiffRequest),
        "Create": (resources.create, protocol.CreateRequest),
        "Read": (resources.read, protocol.ReadRequest),
        "Update": (resources.update, protocol.UpdateRequest),
        "Delete": (resources.delete, protocol.DeleteRequest),
    }


def _handler(
    answer: Answerer, request: type[Message], sessions: Sessions, port: int
) -> "grpc.RpcMethodHandler[Any, Any]":
    def handle(message: Message, context: grpc.ServicerContext) -> Message:
        caller = Caller(context.peer(), context.is_active, sessions)
        if peers.refuses_tcp(port, caller.port):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, _STRANGER)
        try:
            return answer(message, caller)
        except InitFailed as error:
            context.set_trailing_metadata((("grpc-status-details-bin", init_failed(error)),))
            _refuse(context, str(error))
        except VmopsError as error:
            _refuse(context, explain(error))
        except Exception as error:
            _log.exception("%s failed", answer.__name__)
            _refuse(context, f"the local Azure failed: {type(error).__name__}: {error}")

    return grpc.unary_unary_rpc_method_handler(
        handle, request_deserializer=request.FromString, response_serializer=lambda made: made.SerializeToString()
    )


def _refuse(context: grpc.ServicerContext, reason: str) -> NoReturn:
    """End the call as azure-native ends a refused one. Source: gRPC, status codes, and the provider's plain errors."""
    context.abort(grpc.StatusCode.UNKNOWN, reason)
