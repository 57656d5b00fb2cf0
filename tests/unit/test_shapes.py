"""The shapes of requests, compared with the models of Azure's SDK."""

import sys
import typing
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from typing import Any

import azure.mgmt.compute.models as compute
import azure.mgmt.network.models as network
import azure.mgmt.resource.resources.models as resources
import pytest

from vmops.local.arm.shapes.machines import DATA_DISKS
from vmops.local.arm.shapes.requests import SHAPES, TAG_CHANGE
from vmops.local.arm.shapes.shape import Many, Named, Parts, Shape, Shown, Word

TRIED: list[tuple[str, Parts, Any, Any]] = [
    ("Microsoft.Resources/resourceGroups", SHAPES["Microsoft.Resources/resourceGroups"], resources, "ResourceGroup"),
    ("Microsoft.Resources/tags", TAG_CHANGE, resources, "TagsPatchResource"),
    ("Microsoft.Compute/virtualMachines", SHAPES["Microsoft.Compute/virtualMachines"], compute, "VirtualMachine"),
    ("attachDetachDataDisks", DATA_DISKS, compute, "AttachDetachDataDisksRequest"),
    (
        "Microsoft.Compute/proximityPlacementGroups",
        SHAPES["Microsoft.Compute/proximityPlacementGroups"],
        compute,
        "ProximityPlacementGroup",
    ),
    ("Microsoft.Compute/images", SHAPES["Microsoft.Compute/images"], compute, "Image"),
    ("Microsoft.Compute/galleries", SHAPES["Microsoft.Compute/galleries"], compute, "Gallery"),
    *(
        (f"Microsoft.Compute/galleries/{kind}", SHAPES[f"Microsoft.Compute/galleries/{kind}"], compute, model)
        for kind, model in {"images": "GalleryImage", "images/versions": "GalleryImageVersion"}.items()
    ),
    ("Microsoft.Compute/disks", SHAPES["Microsoft.Compute/disks"], compute, "Disk"),
    *(
        (f"Microsoft.Network/{kind}", SHAPES[f"Microsoft.Network/{kind}"], network, model)
        for kind, model in {
            "virtualNetworks": "VirtualNetwork",
            "virtualNetworks/subnets": "Subnet",
            "networkSecurityGroups": "NetworkSecurityGroup",
            "networkSecurityGroups/securityRules": "SecurityRule",
            "publicIPAddresses": "PublicIPAddress",
            "networkInterfaces": "NetworkInterface",
        }.items()
    ),
]
WITHOUT_MODEL = {"Microsoft.ManagedIdentity/userAssignedIdentities"}
"""Types whose SDK is none of ours; the shape is the specification's."""
# path → why a shape has it although the SDK's models lack it
BESIDES = {
    "etag": "ARM's own",
    "systemData": "ARM's own",
    "id": "ARM's own",
    "name": "ARM's own",
    "type": "ARM's own",
    "extendedLocation": "ARM's own",
    "location": "a child's, in templates",
    "properties.kind": "recorded",
    "properties.allowPort25Out": "recorded",
}
# The SDK calls these writable, but only the service sets them.
SERVICES = {"id", "ipAddress", "fqdn"}
REFUSED = {"resources"}
"""What the SDK shows, and the front door refuses. Source: azure-rest-api-specs#286, azure-sdk-for-java#646."""
FREE = {"vmSize", "networkApiVersion", "diskApiVersion"}
"""Words of which there are always more than a model knows: sizes and versions."""


def _fields(model: Any) -> Iterator[tuple[str, Any, bool]]:
    """Give what a model has: its name on the wire, its annotation, and whether only the service writes it."""
    found: dict[str, tuple[str, Any, bool]] = {}
    for base in reversed(model.__mro__):
        for name, value in vars(base).items():
            if type(value).__name__ == "_RestField":
                annotation = _resolved(base.__annotations__[name], base)
                found[name] = (value._rest_name_input or name, annotation, value._visibility == ["read"])
    yield from found.values()


def _resolved(annotation: Any, holder: Any) -> Any:
    text = annotation.__forward_arg__ if isinstance(annotation, typing.ForwardRef) else annotation
    package = sys.modules[holder.__module__.rpartition(".")[0]]
    names = {**vars(typing), **vars(sys.modules[holder.__module__]), "_models": package}
    return eval(text, names) if isinstance(text, str) else annotation


def _misfits(shape: Shape, annotation: Any, holder: Any, path: str) -> Iterator[str]:
    """Give the differences between a shape and an annotation."""
    choices = [_resolved(one, holder) for one in typing.get_args(annotation) if one is not type(None)]
    if typing.get_origin(annotation) is typing.Union:
        words = next((one for one in choices if isinstance(one, type) and issubclass(one, Enum)), None)
        yield from _misfits(shape, words or choices[0], holder, path)
    elif typing.get_origin(annotation) is list:
        assert isinstance(shape, Many), path
        yield from _misfits(shape.of, choices[0], holder, path)
    elif typing.get_origin(annotation) is dict:
        assert isinstance(shape, Named), path
        yield from _misfits(shape.of, choices[1], holder, path)
    elif issubclass(annotation, Enum):
        known = set(shape.spelled.values()) if isinstance(shape, Word) else shape
        if known != {one.value for one in annotation} and path.rpartition(".")[2] not in FREE:
            yield f"{path}: {known} is not {[one.value for one in annotation]}"
    elif isinstance(shape, Parts):
        yield from _parts(shape, annotation, path)
    elif shape is not (str if annotation is datetime else annotation):
        yield f"{path}: {shape} is not {annotation}"


def _parts(shape: Parts, model: Any, path: str) -> Iterator[str]:
    if "properties" in shape.names and shape.names["properties"][1] is Shown:
        return  # a reference, of which only the id counts
    known = dict(shape.names.values())
    for name, annotation, read_only in _fields(model):
        where = f"{path}.{name}".lstrip(".")
        of = known.pop(name, None)
        if of is None:
            yield from [] if where in REFUSED else [f"{where} is missing"]
        elif of is Shown:
            if not read_only and name not in SERVICES and "publicIPAddress" not in path:
                yield f"{where} can be asked for"
        elif read_only and name not in ("name", "etag"):
            yield f"{where} is only shown"
        else:
            yield from _misfits(of, annotation, model, where)
    yield from (
        f"{path}.{name} is nothing of the SDK's" for name in known if f"{path}.{name}".lstrip(".") not in BESIDES
    )


@pytest.mark.parametrize(("kind", "shape", "models", "model"), TRIED, ids=[row[0] for row in TRIED])
def test_a_shape_equals_the_sdks_model(kind: str, shape: Parts, models: Any, model: str) -> None:
    """Every name, type and word that the SDK can send is in the shape, and no other is."""
    assert list(_parts(shape, getattr(models, model), "")) == []
    assert kind


def test_every_shape_is_compared_with_a_model() -> None:
    """No type is left out of that."""
    assert SHAPES.keys() - WITHOUT_MODEL <= {row[0] for row in TRIED}
