"""What a subscription may have: sizes and what restricts them, images, locations; and the tags of what it has."""

from typing import Any

import pytest

from tests.conformance.arm import COMPUTE, GROUP, IMAGE, SUBSCRIPTION, Arm, machine, refusal
from vmops.local.arm.locations import LOCATIONS

VM = f"{COMPUTE}/virtualMachines/vm"
PROVIDER = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute"
HERE = f"{PROVIDER}/locations/westus2"
OFFERS = f"{HERE}/publishers/Canonical/artifacttypes/vmimage/offers"
TAGS = "/providers/Microsoft.Resources/tags/default"


def listed(arm: Arm, path: str, **query: str) -> list[Any]:
    """Read a list to its last page."""
    page = arm("GET", path, **query).json()
    found: list[Any] = page["value"]
    while "nextLink" in page:
        page = arm.send("GET", page["nextLink"]).json()
        found += page["value"]
    return found


def test_skus_say_what_cannot_be_had(arm: Arm) -> None:
    """A restricted size has a reason, and a create of it is refused for the same; all others have none."""
    skus = {sku["name"]: sku for sku in listed(arm, f"{PROVIDER}/skus", filter="location eq 'West US 2'")}
    restricted = {name: sku["restrictions"][0]["reasonCode"] for name, sku in skus.items() if sku["restrictions"]}
    assert restricted == dict.fromkeys(["Standard_M128ms", "Standard_NC24ads_A100_v4"], "NotAvailableForSubscription")
    sku = skus["Standard_D2ps_v5"]
    assert (sku["tier"], sku["size"], sku["locations"]) == ("Standard", "D2ps_v5", ["westus2"])
    capabilities = {each["name"]: each["value"] for each in sku["capabilities"]}
    assert (capabilities["vCPUs"], capabilities["MemoryGB"]) == ("2", "8")
    assert capabilities["CpuArchitectureType"] == "Arm64"
    arm.make_network()
    arm.make_interface("vm-nic")
    for name in restricted:
        assert arm.put_machine(hardwareProfile__vmSize=name).status_code == 409


def test_skus_of_all_locations_come_in_pages(arm: Arm) -> None:
    """An entry for each size in each location; the sizes are those that vmSizes lists."""
    skus = listed(arm, f"{PROVIDER}/skus")
    sizes = {size["name"] for size in listed(arm, f"{HERE}/vmSizes")}
    assert {(sku["name"], sku["locations"][0]) for sku in skus} == {(size, at) for size in sizes for at in LOCATIONS}
    assert len(skus) == len(sizes) * len(LOCATIONS)
    assert refusal(arm("GET", f"{PROVIDER}/skus", filter="name eq 'a'")) == (400, "InvalidFilterInQueryString")


def test_usages_count_cores_by_location(arm: Arm) -> None:
    """All cores, the machines, and each family; what is used elsewhere does not count."""
    arm.make_machine()
    shown = {each["name"]["value"]: each["currentValue"] for each in listed(arm, f"{HERE}/usages")}
    assert (shown["cores"], shown["virtualMachines"], shown["standardBSFamily"]) == (2, 1, 2)
    elsewhere = listed(arm, f"{PROVIDER}/locations/eastus/usages")
    assert {each["currentValue"] for each in elsewhere} == {0}


def test_images_lead_from_publisher_to_version(arm: Arm) -> None:
    """Step by step to the version that a machine of ``latest`` says it has."""

    def names(path: str) -> list[str]:
        return [each["name"] for each in arm("GET", path).json()]

    assert "Canonical" in names(f"{HERE}/publishers")
    assert IMAGE["offer"] in names(OFFERS)
    skus = f"{OFFERS}/{IMAGE['offer'].upper()}/skus"
    assert names(skus) == ["minimal", "server", "server-arm64", "server-gen1"]
    [version] = names(f"{skus}/server/versions")
    arm.make_machine()
    assert arm.shown(VM)["properties"]["storageProfile"]["imageReference"]["exactVersion"] == version
    shown = arm("GET", f"{skus}/server/versions/{version}").json()["properties"]
    assert shown["osDiskImage"] == {"operatingSystem": "Linux", "sizeInGb": 30}
    assert (shown["hyperVGeneration"], shown["architecture"]) == ("V2", "x64")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{HERE}/publishers/Nobody/artifacttypes/vmimage/offers", (404, "NotFound")),
        (f"{OFFERS}/nothing/skus", (404, "NotFound")),
        (f"{OFFERS}/{IMAGE['offer']}/skus/server/versions/newest", (404, "NotFound")),
        (f"{PROVIDER}/locations/mars/publishers", (400, "LocationNotAvailableForResourceType")),
    ],
)
def test_an_image_that_is_not_there_is_not_found(arm: Arm, path: str, expected: tuple[int, str]) -> None:
    """At every step of the way."""
    assert refusal(arm("GET", path)) == expected


def test_locations_and_tenants_are_listed(arm: Arm) -> None:
    """A subscription has locations, with a name to show, and belongs to a tenant."""
    locations = {each["name"]: each for each in listed(arm, f"/subscriptions/{SUBSCRIPTION}/locations")}
    assert list(locations) == LOCATIONS
    assert locations["westus2"]["displayName"] == "West US 2"
    [tenant] = listed(arm, "/tenants")
    assert tenant["tenantId"] == arm("GET", f"/subscriptions/{SUBSCRIPTION}").json()["tenantId"]


def test_providers_are_registered(arm: Arm) -> None:
    """Each names its types, and registering it again is no change."""
    providers = {each["namespace"]: each for each in listed(arm, f"/subscriptions/{SUBSCRIPTION}/providers")}
    assert {each["registrationState"] for each in providers.values()} == {"Registered"}
    assert [kind["resourceType"] for kind in providers["Microsoft.Compute"]["resourceTypes"]] == [
        "disks",
        "virtualMachines",
    ]
    assert arm("POST", f"{PROVIDER}/register").json() == arm("GET", PROVIDER).json() == providers["Microsoft.Compute"]


@pytest.mark.parametrize(
    ("method", "what", "expected"),
    [
        ("PUT", "extensions/agent", (409, "OperationNotAllowed")),
        ("PATCH", "extensions/agent", (409, "OperationNotAllowed")),
        ("GET", "extensions/agent", (404, "ResourceNotFound")),
        ("PUT", "runCommands/script", (409, "OperationNotAllowed")),
        ("POST", "runCommand", (409, "OperationNotAllowed")),
        ("POST", "RUNCOMMAND", (409, "OperationNotAllowed")),
        ("POST", "capture", (409, "OperationNotAllowed")),
        ("POST", "retrieveBootDiagnosticsData", (409, "OperationNotAllowed")),
    ],
)
def test_what_needs_a_guest_is_refused(arm: Arm, method: str, what: str, expected: tuple[int, str]) -> None:
    """Never a silent success: the refusal says that nothing runs inside; of an absent VM it is that."""
    assert refusal(arm(method, f"{VM}/{what}")) == (404, "ResourceGroupNotFound")
    arm.make_network()
    assert refusal(arm(method, f"{VM}/{what}")) == (404, "ResourceNotFound")
    arm.make_machine()
    answer = arm(method, f"{VM}/{what}", machine() if method == "PUT" else None)
    assert refusal(answer) == expected
    if expected[0] == 409:
        assert "no guest runs inside" in answer.json()["error"]["message"]
    assert arm.shown(VM)["properties"]["provisioningState"] == "Succeeded"


def test_a_machine_has_no_extensions(arm: Arm) -> None:
    """What clients list and delete to be sure is empty and gone."""
    arm.make_machine()
    for kind in ("extensions", "runCommands"):
        assert arm("GET", f"{VM}/{kind}").json() == {"value": []}
        assert arm("DELETE", f"{VM}/{kind}/a").status_code == 204


@pytest.mark.parametrize("scope", [GROUP, VM])
def test_tags_are_a_resource_of_their_own(arm: Arm, scope: str) -> None:
    """Merged, taken away and replaced beside the resource, they are the resource's own."""
    arm.make_machine(tags={"a": "1"})
    arm("PUT", GROUP, {"location": "westus2", "tags": {"a": "1"}})

    def change(operation: str, **tags: str) -> Any:
        answer = arm("PATCH", scope + TAGS, {"operation": operation, "properties": {"tags": tags}})
        arm.clock.advance(60)
        assert answer.status_code == 200, answer.text
        assert arm("GET", scope).json()["tags"] == answer.json()["properties"]["tags"]
        return answer.json()["properties"]["tags"]

    assert change("Merge", b="2") == {"a": "1", "b": "2"}
    assert change("Delete", a="1", b="other") == {"b": "2"}
    assert change("Replace", c="3") == {"c": "3"}
    assert arm("GET", scope + TAGS).json()["properties"] == {"tags": {"c": "3"}}
    assert arm("PUT", scope + TAGS, {"properties": {"tags": {"d": "4"}}}).status_code == 200
    arm.clock.advance(60)
    assert arm("DELETE", scope + TAGS).status_code == 200
    assert arm("GET", scope).json()["tags"] == {}
    assert refusal(arm("PATCH", scope + TAGS, {"operation": "Guess"})) == (400, "InvalidRequestContent")
    assert refusal(arm("PUT", scope + TAGS, {"properties": {"tags": {"d": 4}}})) == (400, "InvalidRequestContent")
