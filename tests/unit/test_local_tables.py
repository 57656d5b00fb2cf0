"""The tables of the simulated cloud: sizes, images, locations, states, refusals, routes."""

import string
from pathlib import Path

import pytest

from vmops.local.arm.data.images import find_image
from vmops.local.arm.data.locations import LOCATIONS, canonical
from vmops.local.arm.data.sizes import SIZES, cores_limit
from vmops.local.arm.models import KINDS, RULES
from vmops.local.arm.models.compute.power import TRANSITIONS
from vmops.local.arm.models.groups import _ORDER
from vmops.local.arm.paths import find
from vmops.local.arm.refusals import compute, error, gateway, network
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.routes import TABLE
from vmops.local.arm.shapes.requests import SHAPES
from vmops.local.arm.state.resource_id import ResourceId

PACKAGE = Path(error.__file__).parents[1]
STEADY = {"running", "stopped", "deallocated"}


def test_sizes_of_all_common_families_exist() -> None:
    """Burstable, general, memory and compute optimized sizes, and some for Arm64."""
    for name in ("Standard_B2s", "Standard_D4s_v5", "Standard_E8s_v5", "Standard_F2s_v2"):
        assert SIZES[name.lower()].architecture == "x64"
    assert SIZES["standard_d2ps_v5"].architecture == "Arm64"
    assert SIZES["standard_e8s_v5"].memory == 64 * 1024


def test_one_size_is_restricted_and_one_family_has_no_quota() -> None:
    """As in a real subscription."""
    assert [size.name for size in SIZES.values() if size.restricted] == ["Standard_M128ms"]
    without = {size.family for size in SIZES.values() if cores_limit(size.family) == 0}
    assert without == {"standardNCADSA100v4Family"}


@pytest.mark.parametrize(
    ("urn", "architecture", "generation"),
    [
        ("Canonical:ubuntu-24_04-lts:server", "x64", "V2"),
        ("canonical:UBUNTU-24_04-lts:server-arm64", "Arm64", "V2"),
        ("Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2", "x64", "V2"),
        ("Canonical:0001-com-ubuntu-server-focal:20_04-lts-gen2", "x64", "V2"),
        ("Canonical:UbuntuServer:18_04-lts-gen2", "x64", "V2"),
        ("Canonical:UbuntuServer:18.04-LTS", "x64", "V1"),
        ("Debian:debian-12:12-gen2", "x64", "V2"),
    ],
)
def test_well_known_images_are_found_in_any_case(urn: str, architecture: str, generation: str) -> None:
    """An image determines architecture and generation."""
    publisher, offer, sku = urn.split(":")
    image = find_image(publisher, offer, sku, "latest")
    assert image
    assert (image.architecture, image.generation) == (architecture, generation)


@pytest.mark.parametrize(("version", "found"), [("latest", True), ("1.2.3", True), ("newest", False), ("", False)])
def test_an_image_accepts_any_well_formed_version(version: str, found: bool) -> None:
    """A pinned version is taken for granted, a word is not."""
    image = find_image("Canonical", "ubuntu-24_04-lts", "server", version)
    assert (image is not None) is found
    assert not image or image.version == ("24.04.202410020" if version == "latest" else version)


def test_display_names_of_locations_are_normalised() -> None:
    """A display name is the same place."""
    assert canonical("West US 2") == "westus2"
    assert all(canonical(location) == location for location in LOCATIONS)


def test_every_power_transition_ends_in_a_steady_state() -> None:
    """A machine never stays starting, stopping or deallocating."""
    for moves in TRANSITIONS.values():
        assert set(moves) <= STEADY
        assert {after for _, after in moves.values()} <= STEADY


def test_every_refusal_text_can_be_filled() -> None:
    """It has named placeholders, an error status, and a unique name."""
    tables = (gateway.REFUSALS, network.REFUSALS, compute.REFUSALS)
    rows = {row: refusal for table in tables for row, refusal in table.items()}
    assert len(rows) == sum(map(len, tables))
    for row, (status, words) in rows.items():
        blanks = {name: "x" for _, name, _, _ in string.Formatter().parse(words) if name is not None}
        error = ArmError(row, **blanks)
        assert 400 <= error.status <= 500
        assert error.body()["code"] == row.partition(":")[0]
        assert status == error.status


def test_every_refusal_is_used() -> None:
    """A refusal without a rule can never occur."""
    source = "".join(path.read_text() for path in PACKAGE.rglob("*.py") if path.parent.name != "refusals")
    rows = gateway.REFUSALS | network.REFUSALS | compute.REFUSALS
    assert [row for row in rows if f'"{row}"' not in source] == []


def test_every_type_has_rules_a_shape_and_a_deletion_order() -> None:
    """A type that is served has a shape to check and a place in the order of deletion."""
    assert {kind.type for kind in RULES.values()} == set(SHAPES)
    assert {kind.type for kind in KINDS} == set(_ORDER)


@pytest.mark.parametrize(("method", "template", "handler"), TABLE)
def test_every_route_is_found(method: str, template: str, handler: object) -> None:
    """A path from a template, in any case, leads to its handler.

    The fixed words of the path are spelled as in the table, the names as they were sent.
    """
    path = template.replace("{", "").replace("}", "").upper()
    last = [row[2] for row in TABLE if row[:2] == (method, template)][-1]
    found = find(method, path, "v")
    words = zip(found.path.split("/"), template.split("/"), strict=True)
    assert found.handler is last
    assert all(word == (step.strip("{}").upper() if step.startswith("{") else step) for word, step in words)


@pytest.mark.parametrize(
    "text",
    [
        "/subscriptions/s/resourceGroups/g",
        "/subscriptions/s/resourceGroups/g/providers/P/a/b",
        "/subscriptions/s/resourceGroups/g/providers/P/a/b/c/d",
    ],
)
def test_an_id_keeps_its_case_and_is_compared_without(text: str) -> None:
    """Ids keep their casing and are compared without."""
    assert str(ResourceId.parse(text)) == text
    assert ResourceId.parse(text.upper()).key == ResourceId.parse(text).key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "/subscriptions/s",
        "/subscriptions/s/resourceGroups/",
        "/subscriptions/s/resourceGroups/g/providers/P",
        "/subscriptions/s/resourceGroups/g/providers/P/a",
        "/subscriptions/s/resourceGroups/g/other/P/a/b",
        "/subscriptions/s/resourceGroups/g//providers/P/a/b",
    ],
)
def test_an_incomplete_id_is_refused(text: str) -> None:
    """Half an id is none."""
    with pytest.raises(ValueError, match="is not a resource id"):
        ResourceId.parse(text)
