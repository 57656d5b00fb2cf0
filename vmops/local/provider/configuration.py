"""The calls of an engine that are about the provider itself."""

import json

from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as protocol

from vmops.local.provider.resource_types import TYPES, VERSION
from vmops.local.provider.sessions import Caller, Session

_PREFIX = "azure-native:config:"
"""The prefix of the configuration's keys. Source: recorded calls of azure-native 2.76."""


def handshake(_request: protocol.ProviderHandshakeRequest, _caller: Caller) -> protocol.ProviderHandshakeResponse:
    """State the supported features: no secrets, so the engine removes them and marks them again in the answers."""
    return protocol.ProviderHandshakeResponse(supports_autonaming_configuration=True)


def attach(_request: plugin_pb2.PluginAttach, _caller: Caller) -> Empty:
    """Accept an engine that did not start this process."""
    return Empty()


def get_plugin_info(_request: Empty, _caller: Caller) -> plugin_pb2.PluginInfo:
    """Give the emulated release."""
    return plugin_pb2.PluginInfo(version=VERSION)


def get_schema(_request: protocol.GetSchemaRequest, _caller: Caller) -> protocol.GetSchemaResponse:
    """Name the package and its types: programs have the whole schema in their SDK."""
    schema = {"name": "azure-native", "version": VERSION, "resources": {name: {} for name in TYPES}}
    return protocol.GetSchemaResponse(schema=json.dumps(schema))


def check_config(request: protocol.CheckRequest, _caller: Caller) -> protocol.CheckResponse:
    """Accept every configuration."""
    return protocol.CheckResponse(inputs=request.news)


def diff_config(_request: protocol.DiffRequest, _caller: Caller) -> protocol.DiffResponse:
    """Report no difference between configurations."""
    return protocol.DiffResponse(changes=protocol.DiffResponse.DIFF_NONE)


def configure(request: protocol.ConfigureRequest, caller: Caller) -> protocol.ConfigureResponse:
    """Open the session of this connection."""
    session = Session(location=request.variables.get(_PREFIX + "location"))
    session.subscription = request.variables.get(_PREFIX + "subscriptionId") or session.subscription
    caller.sessions.open(caller.peer, session)
    return protocol.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)


def cancel(_request: Empty, caller: Caller) -> Empty:
    """End this engine's waits, now and from now on; operations that ARM has accepted continue there."""
    caller.sessions.cancel(caller.peer)
    return Empty()
