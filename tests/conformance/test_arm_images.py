"""Images of a subscription and of communities, and machines that are made from them."""

from typing import Any

import pytest

from tests.conformance.arm import COMPUTE, SUBSCRIPTION, Arm, refusal

VM, OWN, GALLERY = f"{COMPUTE}/virtualMachines/vm", f"{COMPUTE}/images/own", f"{COMPUTE}/galleries/g"
LAB = f"{GALLERY}/images/lab"
COMMUNITY = "CommunityGalleries/bench-6c2b6a55-3f0d-4c58-9a51-0d1f6f5a7d10/Images"
SOLD = {"publisher": "almalinux", "offer": "almalinux-x86_64", "sku": "9-gen2", "version": "latest"}
PLAN = {"publisher": "almalinux", "product": "almalinux-x86_64", "name": "9-gen2"}
UNSIGNED = {"publisher": "tunnelbiz1446646016501", "offer": "almalinux", "sku": "plan_almalinux_9", "version": "latest"}


def put(arm: Arm, path: str, **properties: Any) -> None:
    """Create an image or a gallery, and wait until it exists."""
    arm.done(arm("PUT", path, {"location": "westus2", "properties": properties}))


@pytest.fixture
def stocked(arm: Arm) -> Arm:
    """Give a cloud with an interface, an own image and one in a gallery, of two versions."""
    arm.make_network()
    arm.make_interface("vm-nic")
    put(arm, OWN, storageProfile={"osDisk": {"osType": "Linux", "osState": "Generalized"}}, hyperVGeneration="V2")
    put(arm, GALLERY)
    says = {"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2"}
    put(arm, LAB, **says, identifier={"publisher": "p", "offer": "o", "sku": "s"})
    for version in ("1.0.0", "2.0.0"):
        put(arm, f"{LAB}/versions/{version}", storageProfile={})
    return arm


@pytest.mark.parametrize(
    ("reference", "exact"),
    [
        ({"id": OWN}, None),
        ({"id": LAB}, "2.0.0"),
        ({"id": f"{LAB}/versions/1.0.0"}, "1.0.0"),
        ({"communityGalleryImageId": f"/{COMMUNITY}/ubuntu-24.04"}, "1.0.0"),
    ],
)
def test_a_machine_is_made_from_an_image_by_its_id(stocked: Arm, reference: dict[str, str], exact: str | None) -> None:
    """It shows the version, and the image may be deleted before the machine."""
    stocked.done(stocked.put_machine(storageProfile__imageReference=reference))
    shown = stocked.shown(VM)["properties"]["storageProfile"]["imageReference"]
    assert shown == reference | ({"exactVersion": exact} if exact else {})
    stocked.done(stocked("DELETE", OWN))
    assert stocked.shown(f"{VM}/instanceView")["hyperVGeneration"] == "V2"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"storageProfile__imageReference": {"id": f"{COMPUTE}/images/none"}}, (404, "NotFound")),
        ({"storageProfile__imageReference": {"id": f"{GALLERY}/images/none"}}, (404, "GalleryImageNotFound")),
        ({"storageProfile__imageReference": {"id": f"{LAB}/versions/9.9.9"}}, (404, "GalleryImageNotFound")),
        (
            {"storageProfile__imageReference": {"communityGalleryImageId": "/CommunityGalleries/g/Images/i"}},
            (404, "GalleryImageNotFound"),
        ),
        ({"storageProfile__imageReference": {"id": "lab"}}, (400, "InvalidParameter")),
        ({"storageProfile__imageReference": SOLD}, (400, "VMMarketplaceInvalidInput")),
        ({"storageProfile__imageReference": SOLD, "plan": {**PLAN, "name": "9"}}, (400, "VMMarketplaceInvalidInput")),
        (
            {"storageProfile__imageReference": UNSIGNED}
            | {"plan": {"publisher": UNSIGNED["publisher"], "product": "almalinux", "name": "plan_almalinux_9"}},
            (400, "ResourcePurchaseValidationFailed"),
        ),
    ],
)
def test_an_absent_image_is_refused(stocked: Arm, asked: dict[str, Any], expected: tuple[int, str]) -> None:
    """So are images without their plan, or whose terms are not accepted; nothing is made."""
    assert refusal(stocked.put_machine(**asked)) == expected
    assert stocked("GET", VM).status_code == 404


def test_a_marketplace_image_requires_its_plan(stocked: Arm) -> None:
    """The machine shows it, and it is immutable."""
    stocked.done(stocked.put_machine(storageProfile__imageReference=SOLD, plan=PLAN))
    assert stocked.shown(VM)["plan"] == PLAN


def test_a_gallery_with_contents_cannot_be_deleted(stocked: Arm) -> None:
    """Community images can be read by everybody."""
    assert refusal(stocked("DELETE", GALLERY)) == (409, "CannotDeleteResource")
    for path in (f"{LAB}/versions/1.0.0", f"{LAB}/versions/2.0.0", LAB, GALLERY):
        stocked.done(stocked("DELETE", path))
    assert stocked("GET", GALLERY).status_code == 404
    where = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/westus2"
    assert stocked.shown(f"{where}/{COMMUNITY}/windows-2022")["properties"]["osType"] == "Windows"
    assert refusal(stocked("GET", f"{where}/{COMMUNITY}/none")) == (404, "NotFound")
