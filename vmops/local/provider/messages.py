"""The engine's values and errors in the form of its protocol."""

from typing import Any

from google.protobuf.any_pb2 import Any as Detail
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2 as protocol
from pulumi.runtime.proto.status_pb2 import Status

from vmops.local.provider.crud import InitFailed
from vmops.local.provider.diffs import Change, Kind
from vmops.local.provider.translate import Properties

UNKNOWN_CODE = 2
"""The status of every refusal. Source: gRPC, status codes (``UNKNOWN``), with which azure-native answers."""


def properties(message: Struct) -> Properties:
    """Read the engine's values; whole numbers, which are sent as doubles, become integers again."""
    plain: Properties = _numbers(MessageToDict(message))
    return plain


def struct(values: Properties) -> Struct:
    """Write values for the engine."""
    return ParseDict(values, Struct())


def init_failed(error: InitFailed) -> bytes:
    """Write the status of a resource that exists but is not ready, for the trailer ``grpc-status-details-bin``."""
    detail = Detail()
    detail.Pack(
        protocol.ErrorResourceInitFailed(
            id=error.arm_id, properties=struct(error.outputs), reasons=[str(error)], inputs=struct(error.inputs)
        )
    )
    return Status(code=UNKNOWN_CODE, message=str(error), details=[detail]).SerializeToString()


def diff_answer(changes: list[Change], delete_first: bool) -> protocol.DiffResponse:
    """Write the differences."""
    replaces = [str(change) for change in changes if change.replaces]
    return protocol.DiffResponse(
        changes=protocol.DiffResponse.DIFF_SOME if changes else protocol.DiffResponse.DIFF_NONE,
        diffs=sorted({str(change.path[0]) for change in changes}),
        replaces=replaces,
        deleteBeforeReplace=bool(replaces) and delete_first,
        detailedDiff={str(change): _detail(change) for change in changes},
        hasDetailedDiff=bool(changes),
    )


def _detail(change: Change) -> protocol.PropertyDiff:
    kinds = {
        (Kind.ADD, False): protocol.PropertyDiff.ADD,
        (Kind.ADD, True): protocol.PropertyDiff.ADD_REPLACE,
        (Kind.DELETE, False): protocol.PropertyDiff.DELETE,
        (Kind.DELETE, True): protocol.PropertyDiff.DELETE_REPLACE,
        (Kind.UPDATE, False): protocol.PropertyDiff.UPDATE,
        (Kind.UPDATE, True): protocol.PropertyDiff.UPDATE_REPLACE,
    }
    return protocol.PropertyDiff(kind=kinds[change.kind, change.replaces], inputDiff=True)


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_numbers(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
