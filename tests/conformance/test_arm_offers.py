"""What a subscription may use: sizes and restrictions, quotas, images and locations; and tags."""

from typing import Any

import httpx
import pytest

from tests.conformance.arm import COMPUTE, GROUP, IMAGE, SUBSCRIPTION, Arm, machine, refusal
from vmops.local.arm.data.absent import ABSENT
from vmops.local.arm.data.locations import LOCATIONS

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


def test_skus_list_restrictions(arm: Arm) -> None:
    """A restricted size has a reason, and its create is refused for it; other sizes have none."""
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


def test_skus_of_all_locations_are_paged(arm: Arm) -> None:
    """One entry for each size and location; the sizes are those of vmSizes."""
    skus = listed(arm, f"{PROVIDER}/skus")
    sizes = {size["name"] for size in listed(arm, f"{HERE}/vmSizes")}
    assert {(sku["name"], sku["locations"][0]) for sku in skus} == {(size, at) for size in sizes for at in LOCATIONS}
    assert len(skus) == len(sizes) * len(LOCATIONS)
    assert refusal(arm("GET", f"{PROVIDER}/skus", filter="name eq 'a'")) == (400, "InvalidFilterInQueryString")


def test_usages_count_cores_by_location(arm: Arm) -> None:
    """All cores, machines, and each family; other locations do not count."""
    arm.make_machine()
    shown = {each["name"]["value"]: each["currentValue"] for each in listed(arm, f"{HERE}/usages")}
    assert (shown["cores"], shown["virtualMachines"], shown["standardBSFamily"]) == (2, 1, 2)
    elsewhere = listed(arm, f"{PROVIDER}/locations/eastus/usages")
    assert {each["currentValue"] for each in elsewhere} == {0}


@pytest.fixture
def scarce(arm: Arm) -> Arm:
    """Create a group and a network in the location with low limits."""
    arm.make_network("brazilsouth")
    return arm


def asked_for(arm: Arm, name: str, size: str, **changes: Any) -> httpx.Response:
    """Request a machine in that location, with its own interface."""
    arm.make_interface(f"{name}-nic", "brazilsouth")
    return arm.put_machine(name, location="brazilsouth", hardwareProfile__vmSize=size, **changes)


def test_all_cores_of_a_location_have_a_quota(scarce: Arm) -> None:
    """All families share it, and freed cores can be used again."""
    scarce.done(asked_for(scarce, "a", "Standard_D8s_v5"))
    refused = asked_for(scarce, "b", "Standard_B4ms")
    assert refusal(refused) == (409, "OperationNotAllowed")
    said = refused.json()["error"]["message"]
    assert "exceeding approved Total Regional Cores quota." in said
    assert "Location: brazilsouth, Current Limit: 10, Current Usage: 8, Additional Required: 4, (Minimum) New" in said
    scarce.done(asked_for(scarce, "c", "Standard_B2s"))
    scarce.done(scarce("DELETE", f"{COMPUTE}/virtualMachines/a"))
    scarce.done(asked_for(scarce, "b", "Standard_B4ms"))


def test_spot_machines_have_a_separate_quota(scarce: Arm) -> None:
    """All families share it, and it does not count in theirs."""
    spot = {"priority": "Spot", "evictionPolicy": "Deallocate"}
    scarce.done(asked_for(scarce, "a", "Standard_D2s_v5", **spot))
    refused = asked_for(scarce, "b", "Standard_F2s_v2", **spot)
    assert refusal(refused) == (409, "OperationNotAllowed")
    assert "exceeding approved LowPriorityCores quota." in refused.json()["error"]["message"]
    scarce.done(asked_for(scarce, "c", "Standard_D8s_v5"))
    shown = {each["name"]["value"]: each for each in listed(scarce, f"{PROVIDER}/locations/brazilsouth/usages")}
    taken = {name: each["currentValue"] for name, each in shown.items() if each["currentValue"]}
    assert taken == {"cores": 8, "lowPriorityCores": 2, "virtualMachines": 2, "standardDSv5Family": 8}
    assert (shown["cores"]["limit"], shown["lowPriorityCores"]["limit"]) == (10, 3)


def test_a_resize_counts_its_additional_cores(scarce: Arm) -> None:
    """The machine's present cores are not counted twice."""
    scarce.done(asked_for(scarce, "a", "Standard_D8s_v5"))
    for size, fits in (("Standard_D16s_v5", False), ("Standard_E8s_v5", True)):
        answer = scarce.put_machine("a", location="brazilsouth", hardwareProfile__vmSize=size)
        assert (answer.status_code == 200) is fits


def test_images_are_listed_from_publisher_to_version(arm: Arm) -> None:
    """The last version is that of a machine with ``latest``."""

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
def test_an_absent_image_version_is_not_found(arm: Arm, path: str, expected: tuple[int, str]) -> None:
    """At each level."""
    assert refusal(arm("GET", path)) == expected


def test_locations_and_tenants_are_listed(arm: Arm) -> None:
    """Locations have a display name, and the subscription a tenant."""
    locations = {each["name"]: each for each in listed(arm, f"/subscriptions/{SUBSCRIPTION}/locations")}
    assert list(locations) == LOCATIONS
    assert locations["westus2"]["displayName"] == "West US 2"
    [tenant] = listed(arm, "/tenants")
    assert tenant["tenantId"] == arm("GET", f"/subscriptions/{SUBSCRIPTION}").json()["tenantId"]


def test_providers_are_registered(arm: Arm) -> None:
    """Each lists its types, and registering it again changes nothing."""
    providers = {each["namespace"]: each for each in listed(arm, f"/subscriptions/{SUBSCRIPTION}/providers")}
    assert {each["registrationState"] for each in providers.values()} == {"Registered"}
    types = {kind["resourceType"] for kind in providers["Microsoft.Compute"]["resourceTypes"]}
    assert types > {"disks", "virtualMachines", "images"}
    assert {"resourceGroups", "deployments"} == {
        kind["resourceType"] for kind in providers["Microsoft.Resources"]["resourceTypes"]
    }
    assert arm("POST", f"{PROVIDER}/register").json() == arm("GET", PROVIDER).json() == providers["Microsoft.Compute"]


def test_any_provider_can_be_registered(arm: Arm) -> None:
    """A provider that is not served is registered on request, in that subscription, without types."""
    whole, other = (f"/subscriptions/{name}/providers" for name in (SUBSCRIPTION, SUBSCRIPTION.replace("0", "1")))
    before = arm.shown(f"{whole}/Microsoft.Storage")
    assert (before["registrationState"], before["resourceTypes"]) == ("NotRegistered", [])
    registered = arm("POST", f"{whole}/Microsoft.Storage/register").json()
    assert registered == before | {"registrationState": "Registered"}
    assert arm("POST", f"{whole}/microsoft.storage/REGISTER").json()["registrationState"] == "Registered"
    assert arm.shown(f"{whole}/MICROSOFT.STORAGE")["registrationState"] == "Registered"
    assert [one["namespace"] for one in listed(arm, whole)].count("Microsoft.Storage") == 1
    assert "Microsoft.Storage" not in {one["namespace"] for one in listed(arm, other)}
    assert arm.shown(f"{other}/Microsoft.Storage")["registrationState"] == "NotRegistered"
    assert refusal(arm("POST", f"{whole}/Storage/register")) == (404, "InvalidResourceNamespace")


@pytest.mark.parametrize("kind", ABSENT)
def test_lists_of_unsupported_types_are_empty(arm: Arm, kind: str) -> None:
    """Clients list them; a create is refused as unsupported by the local Azure."""
    many = f"/providers/{kind}"
    assert refusal(arm("GET", f"{GROUP}{many}")) == (404, "ResourceGroupNotFound")
    arm.make_group()
    for scope in (GROUP, f"/subscriptions/{SUBSCRIPTION}"):
        assert arm.shown(f"{scope}{many.lower()}") == {"value": []}
    one = f"{GROUP}{many}/one"
    assert refusal(arm("GET", one)) == (404, "ResourceNotFound")
    assert arm("DELETE", one).status_code == 204
    answer = arm("PUT", one, {"location": "westus2"})
    assert refusal(answer) == (404, "InvalidResourceType")
    assert "It is the local Azure that does not have it." in answer.json()["error"]["message"]


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
def test_verbs_that_need_a_guest_agent_are_refused(arm: Arm, method: str, what: str, expected: tuple[int, str]) -> None:
    """The refusal says that no agent runs; an absent VM is not found."""
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
    """The list is empty, and a deletion succeeds."""
    arm.make_machine()
    for kind in ("extensions", "runCommands"):
        assert arm("GET", f"{VM}/{kind}").json() == {"value": []}
        assert arm("DELETE", f"{VM}/{kind}/a").status_code == 204


@pytest.mark.parametrize("scope", [GROUP, VM])
def test_tags_are_a_separate_resource(arm: Arm, scope: str) -> None:
    """Tags that are merged, deleted or replaced there are the resource's own."""
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
