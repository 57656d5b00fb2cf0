"""The rules of networks, security groups, interfaces and addresses."""

from typing import Any

import pytest

from tests.conformance.arm import COMPUTE, GROUP, NETWORK, SUBNET, SUBSCRIPTION, Arm, refusal

NET = f"{NETWORK}/virtualNetworks/net"
NSG = f"{NETWORK}/networkSecurityGroups/nsg"
NIC = f"{NETWORK}/networkInterfaces/nic"
IP = f"{NETWORK}/publicIPAddresses/ip"
STATIC = {"sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}
SPACE = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}


def rule(priority: int = 100, **changes: Any) -> dict[str, Any]:
    """Return the properties of a rule that permits SSH."""
    return {
        "priority": priority,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "22",
    } | changes


def private_address(arm: Arm, path: str = NIC) -> str:
    """Return the private address of an interface."""
    return str(arm.shown(path)["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"])


@pytest.mark.parametrize(
    ("path", "body", "state"),
    [
        (NET, {"properties": SPACE}, "Updating"),
        (NSG, {}, "Updating"),
        (IP, STATIC, "Updating"),
    ],
)
def test_a_network_put_answers_201_then_200(arm: Arm, path: str, body: dict[str, Any], state: str) -> None:
    """Both operations end later, with a new etag and the same guid."""
    arm.make_group()
    request = {"location": "westus2", **body}
    created = arm("PUT", path, request)
    assert (created.status_code, created.json()["properties"]["provisioningState"]) == (201, state)
    arm.done(created)
    shown = arm.shown(path)
    assert shown["properties"]["provisioningState"] == "Succeeded"
    assert shown["etag"] != created.json()["etag"]
    changed = arm("PUT", path, request)
    assert changed.status_code == 200
    assert changed.json()["properties"]["resourceGuid"] == shown["properties"]["resourceGuid"]


def test_an_interface_is_succeeded_at_once(arm: Arm) -> None:
    """The answer is Succeeded, although the operation has to be polled."""
    arm.make_network()
    part = {"name": "a", "properties": {"subnet": {"id": SUBNET}}}
    created = arm("PUT", NIC, {"location": "westus2", "properties": {"ipConfigurations": [part]}})
    assert (created.status_code, created.json()["properties"]["provisioningState"]) == (201, "Succeeded")
    assert arm.poll(created).json() == {"status": "InProgress"}


def test_addresses_start_at_the_fifth_and_end_before_the_last(arm: Arm) -> None:
    """Azure reserves four addresses at the start of a subnet and one at its end: a /29 has three."""
    arm.make_network()
    arm.done(arm("PUT", f"{NET}/subnets/tiny", {"properties": {"addressPrefix": "10.0.1.0/29"}}))
    tiny = {"subnet": {"id": f"{NET}/subnets/tiny"}}
    for number in range(3):
        arm.make_interface(f"nic{number}", subnet=tiny["subnet"])
    found = [private_address(arm, f"{NETWORK}/networkInterfaces/nic{number}") for number in range(3)]
    assert found == ["10.0.1.4", "10.0.1.5", "10.0.1.6"]
    part = {"name": "a", "properties": tiny}
    answer = arm(
        "PUT",
        f"{NETWORK}/networkInterfaces/more",
        {"location": "westus2", "properties": {"ipConfigurations": [part]}},
    )
    assert refusal(answer) == (400, "SubnetIsFull")
    arm.done(arm("DELETE", f"{NETWORK}/networkInterfaces/nic1"))
    arm.make_interface("more", subnet=tiny["subnet"])
    assert private_address(arm, f"{NETWORK}/networkInterfaces/more") == "10.0.1.5"


def test_an_interface_keeps_its_address(arm: Arm) -> None:
    """A second PUT keeps it, even if a lower address is free by then."""
    arm.make_network()
    arm.make_interface("first")
    arm.make_interface()
    arm.done(arm("DELETE", f"{NETWORK}/networkInterfaces/first"))
    arm.make_interface()
    assert private_address(arm) == "10.0.0.5"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("10.0.9.9", "PrivateIPAddressNotInSubnet"),
        ("10.0.0.3", "PrivateIPAddressInReservedRange"),
        ("10.0.0.255", "PrivateIPAddressInReservedRange"),
        ("10.0.0.4", "PrivateIPAddressInUse"),
        ("ten", "InvalidRequestFormat"),
    ],
)
def test_a_static_private_address_must_be_free_and_in_the_subnet(arm: Arm, address: str, code: str) -> None:
    """Another address is refused."""
    arm.make_network()
    arm.make_interface()
    asked = {"subnet": {"id": SUBNET}, "privateIPAllocationMethod": "Static", "privateIPAddress": address}
    body = {"location": "westus2", "properties": {"ipConfigurations": [{"name": "a", "properties": asked}]}}
    assert refusal(arm("PUT", f"{NETWORK}/networkInterfaces/other", body)) == (400, code)


def test_static_public_addresses_are_unique_and_reserved(arm: Arm) -> None:
    """A static address is assigned at once, from a range for documentation."""
    arm.make_group()
    found = [arm.put(f"{IP}{n}", **STATIC).json()["properties"]["ipAddress"] for n in range(3)]
    assert found == ["203.0.113.1", "203.0.113.2", "203.0.113.3"]


def test_a_dynamic_address_exists_while_its_machine_is_allocated(arm: Arm) -> None:
    """It is assigned with the allocation, survives a stop, and is released by a deallocation."""
    arm.make_network()
    arm.put(IP, properties={"publicIPAllocationMethod": "Dynamic"})
    assert "ipAddress" not in arm.shown(IP)["properties"]
    arm.make_interface("vm-nic", publicIPAddress={"id": IP})
    arm.done(arm.put_machine())
    assert "ipAddress" in arm.shown(IP)["properties"]
    vm = f"{COMPUTE}/virtualMachines/vm"
    arm.done(arm("POST", f"{vm}/powerOff"))
    assert "ipAddress" in arm.shown(IP)["properties"]
    arm.done(arm("POST", f"{vm}/deallocate"))
    assert "ipAddress" not in arm.shown(IP)["properties"]
    arm.done(arm("POST", f"{vm}/start"))
    assert "ipAddress" in arm.shown(IP)["properties"]
    arm.done(arm("DELETE", vm))
    assert "ipAddress" not in arm.shown(IP)["properties"]


def test_a_standard_address_is_static_and_stays_standard(arm: Arm) -> None:
    """Standard addresses cannot be dynamic, and a sku cannot change."""
    arm.make_group()
    dynamic = {"location": "westus2", "sku": {"name": "Standard"}}
    code = "StandardAndStandardV2SkuPublicIPAddressesMustBeStatic"
    assert refusal(arm("PUT", IP, dynamic)) == (400, code)
    arm.put(IP, **STATIC)
    assert arm("PUT", IP, {"location": "westus2", "sku": {"name": "Basic"}}).status_code == 400


@pytest.mark.parametrize(("asked", "shown"), [("basic", "Basic"), ("STANDARD", "Standard"), ("Standard", "Standard")])
def test_a_sku_is_shown_in_azures_spelling(arm: Arm, asked: str, shown: str) -> None:
    """A request may use any case; an unknown SKU is refused."""
    arm.make_group()
    path = f"{NETWORK}/publicIPAddresses/ip"
    static = {"location": "westus2", "properties": {"publicIPAllocationMethod": "Static"}}
    assert arm("PUT", path, static | {"sku": {"name": asked}}).json()["sku"]["name"] == shown
    assert refusal(arm("PUT", f"{path}2", static | {"sku": {"name": "Golden"}})) == (400, "InvalidRequestFormat")


def test_a_dns_label_is_unique(arm: Arm) -> None:
    """Label and location make the name; a second address with it is refused."""
    arm.make_group()
    labelled = {"publicIPAllocationMethod": "Static", "dnsSettings": {"domainNameLabel": "mine"}}
    arm.put(IP, sku={"name": "Standard"}, properties=labelled)
    assert arm.shown(IP)["properties"]["dnsSettings"]["fqdn"] == "mine.westus2.cloudapp.azure.com"
    other = {"location": "westus2", "sku": {"name": "Standard"}, "properties": labelled}
    assert refusal(arm("PUT", f"{IP}2", other)) == (400, "DnsRecordInUse")


def test_a_network_resource_in_use_cannot_be_deleted(arm: Arm) -> None:
    """Each reference prevents the deletion, until it is removed."""
    arm.make_network()
    arm.put(IP, **STATIC)
    arm.put(NSG)
    arm.done(arm("PUT", SUBNET, {"properties": {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": NSG}}}))
    arm.make_interface("vm-nic", publicIPAddress={"id": IP})
    arm.done(arm.put_machine())
    guarded = {
        f"{NETWORK}/networkInterfaces/vm-nic": "NicInUse",
        IP: "PublicIPAddressCannotBeDeleted",
        SUBNET: "InUseSubnetCannotBeDeleted",
        NET: "InUseSubnetCannotBeDeleted",
        NSG: "InUseNetworkSecurityGroupCannotBeDeleted",
    }
    for path, code in guarded.items():
        assert refusal(arm("DELETE", path)) == (400, code)
    for path in (f"{COMPUTE}/virtualMachines/vm", *guarded):
        arm.done(arm("DELETE", path))
    assert [entry["name"] for entry in arm.shown(f"{GROUP}/resources")["value"]] == ["vm-os"]


def test_a_used_resource_shows_its_users(arm: Arm) -> None:
    """Subnet, address, security group and interface show what refers to them."""
    arm.make_network()
    arm.put(IP, **STATIC)
    arm.put(NSG)
    part = {"name": "a", "properties": {"subnet": {"id": SUBNET}, "publicIPAddress": {"id": IP}}}
    properties = {"ipConfigurations": [part], "networkSecurityGroup": {"id": NSG}}
    arm.put(f"{NETWORK}/networkInterfaces/vm-nic", properties=properties)
    arm.done(arm.put_machine())
    nic = f"{NETWORK}/networkInterfaces/vm-nic"
    assert arm.shown(SUBNET)["properties"]["ipConfigurations"] == [{"id": f"{nic}/ipConfigurations/a"}]
    assert arm.shown(IP)["properties"]["ipConfiguration"] == {"id": f"{nic}/ipConfigurations/a"}
    assert arm.shown(NSG)["properties"]["networkInterfaces"] == [{"id": nic}]
    shown = arm.shown(nic)["properties"]
    assert shown["virtualMachine"] == {"id": f"{COMPUTE}/virtualMachines/vm"}
    assert shown["macAddress"].startswith("00-0D-3A-")


def test_a_network_put_replaces_its_subnets(arm: Arm) -> None:
    """A missing subnet is deleted; if it is in use, the whole PUT is refused."""
    arm.make_network()
    subnets = [{"name": "b", "properties": {"addressPrefix": "10.0.2.0/24"}}]
    arm.put(NET, properties=SPACE | {"subnets": subnets})
    assert [subnet["name"] for subnet in arm.shown(NET)["properties"]["subnets"]] == ["b"]
    arm.make_interface(subnet={"id": f"{NET}/subnets/b"})
    answer = arm("PUT", NET, {"location": "westus2", "properties": SPACE})
    assert refusal(answer) == (400, "InUseSubnetCannotBeDeleted")
    assert [subnet["name"] for subnet in arm.shown(NET)["properties"]["subnets"]] == ["b"]


@pytest.mark.parametrize(
    ("prefix", "code"),
    [
        ("10.1.0.0/24", "NetcfgInvalidSubnet"),
        ("10.0.0.128/25", "NetcfgSubnetRangesOverlap"),
        ("10.0.5.1/24", "InvalidCIDRNotation"),
        ("everything", "InvalidAddressPrefixFormat"),
        (None, "InvalidAddressPrefixFormat"),
    ],
)
def test_a_subnet_must_be_inside_its_network(arm: Arm, prefix: str | None, code: str) -> None:
    """Its range must be valid, inside the network's ranges, and overlap no other subnet."""
    arm.make_network()
    answer = arm("PUT", f"{NET}/subnets/other", {"properties": {"addressPrefix": prefix}})
    assert refusal(answer) == (400, code)


def test_a_used_range_cannot_be_changed(arm: Arm) -> None:
    """A subnet's range stays while an interface has an address in it."""
    arm.make_network()
    arm.make_interface()
    answer = arm("PUT", SUBNET, {"properties": {"addressPrefix": "10.0.7.0/24"}})
    assert refusal(answer) == (400, "InUsePrefixCannotBeDeleted")


def test_a_child_requires_its_parent(arm: Arm) -> None:
    """Without a network its subnets cannot be written or read."""
    arm.make_group()
    body = {"properties": {"addressPrefix": "10.0.0.0/24"}}
    assert refusal(arm("PUT", SUBNET, body)) == (404, "ParentResourceNotFound")
    assert refusal(arm("GET", SUBNET)) == (404, "ResourceNotFound")
    arm.put(NET, properties=SPACE)
    assert refusal(arm("GET", SUBNET)) == (404, "NotFound")


def test_writes_to_parent_and_children_are_serialised(arm: Arm) -> None:
    """While a subnet is written, its network and the other subnets refuse writes."""
    arm.make_group()
    arm.put(NET, properties=SPACE)
    arm("PUT", SUBNET, {"properties": {"addressPrefix": "10.0.0.0/24"}})
    sibling = arm("PUT", f"{NET}/subnets/b", {"properties": {"addressPrefix": "10.0.1.0/24"}})
    assert refusal(sibling) == (409, "AnotherOperationInProgress")
    assert "/operations/" in sibling.json()["error"]["message"]
    for answer in (arm("DELETE", NET), arm("PATCH", NET, {"tags": {}})):
        assert refusal(answer) == (409, "AnotherOperationInProgress")


def test_a_resource_that_is_not_ready_cannot_be_referenced(arm: Arm) -> None:
    """An interface in an Updating subnet is refused as retryable, with the cause in the details."""
    arm.make_group()
    arm.put(NET, properties=SPACE)
    arm("PUT", SUBNET, {"properties": {"addressPrefix": "10.0.0.0/24"}})
    part = {"name": "a", "properties": {"subnet": {"id": SUBNET}}}
    answer = arm("PUT", NIC, {"location": "westus2", "properties": {"ipConfigurations": [part]}})
    assert refusal(answer) == (429, "RetryableError")
    (cause,) = answer.json()["error"]["details"]
    assert cause["code"] == "ReferencedResourceNotProvisioned"
    assert cause["message"].endswith("PutSubnetOperation.")


@pytest.mark.parametrize("wrong", [{"id": f"{NET}/subnets/none"}, {"id": IP}, {"id": "nonsense"}])
def test_a_dangling_reference_is_refused(arm: Arm, wrong: dict[str, str]) -> None:
    """An id of an absent resource, or of another type, is refused."""
    arm.make_network()
    arm.put(IP, **STATIC)
    body = {
        "location": "westus2",
        "properties": {"ipConfigurations": [{"name": "a", "properties": {"subnet": wrong}}]},
    }
    assert refusal(arm("PUT", NIC, body)) == (400, "InvalidResourceReference")


def test_an_interface_stays_in_one_network(arm: Arm) -> None:
    """All IP configurations of an interface are in subnets of the same network."""
    arm.make_network()
    subnets = [{"name": "b", "properties": {"addressPrefix": "10.0.0.0/24"}}]
    arm.put(f"{NET}2", properties=SPACE | {"subnets": subnets})
    ids = (SUBNET, f"{NET}2/subnets/b")
    parts = [{"name": f"p{n}", "properties": {"subnet": {"id": rid}}} for n, rid in enumerate(ids)]
    body = {"location": "westus2", "properties": {"ipConfigurations": parts}}
    assert refusal(arm("PUT", NIC, body)) == (400, "SubnetsNotInSameVnet")


def test_an_address_serves_one_interface(arm: Arm) -> None:
    """A public address in use cannot be assigned to a second interface."""
    arm.make_network()
    arm.put(IP, **STATIC)
    arm.make_interface(publicIPAddress={"id": IP})
    part = {"name": "a", "properties": {"subnet": {"id": SUBNET}, "publicIPAddress": {"id": IP}}}
    body = {"location": "westus2", "properties": {"ipConfigurations": [part]}}
    assert refusal(arm("PUT", f"{NETWORK}/networkInterfaces/other", body)) == (400, "PublicIPAddressInUse")


def test_ids_match_in_any_case_and_are_shown_as_first_written(arm: Arm) -> None:
    """Paths match in any case; answers have the case of the create."""
    arm.make_network()
    shown = arm.shown(NET.upper().replace("SUBSCRIPTIONS", "subscriptions"))
    assert shown["id"] == NET
    part = {"name": "a", "properties": {"subnet": {"id": SUBNET.upper()}}}
    arm.put(NIC, properties={"ipConfigurations": [part]})
    assert arm.shown(NIC)["properties"]["ipConfigurations"][0]["properties"]["subnet"]["id"] == SUBNET


def test_security_rules_are_separate_resources(arm: Arm) -> None:
    """A rule of its own PUT is in its group beside the six built-in ones; a PUT of the group replaces all."""
    arm.make_group()
    arm.put(NSG)
    arm.done(arm("PUT", f"{NSG}/securityRules/ssh", {"properties": rule()}))
    shown = arm.shown(NSG)["properties"]
    assert [entry["name"] for entry in shown["securityRules"]] == ["ssh"]
    assert sorted(entry["properties"]["priority"] for entry in shown["defaultSecurityRules"]) == [
        65000,
        65000,
        65001,
        65001,
        65500,
        65500,
    ]
    arm.put(NSG, properties={"securityRules": [{"name": "web", "properties": rule(destinationPortRange="80-90")}]})
    assert [entry["name"] for entry in arm.shown(f"{NSG}/securityRules")["value"]] == ["web"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"priority": 99}, "SecurityRuleInvalidPriority"),
        ({"destinationPortRange": "99999"}, "SecurityRuleInvalidPortRange"),
        ({"destinationPortRange": "90-80"}, "SecurityRuleInvalidPortRange"),
        ({"sourceAddressPrefix": "10.0.0.300"}, "SecurityRuleInvalidAddressPrefix"),
        ({"access": None}, "InvalidRequestFormat"),
        ({}, "SecurityRuleConflict"),
    ],
)
def test_an_invalid_security_rule_is_refused(arm: Arm, changes: dict[str, Any], code: str) -> None:
    """So is a second rule with the same priority and direction."""
    arm.make_group()
    arm.put(NSG, properties={"securityRules": [{"name": "ssh", "properties": rule()}]})
    answer = arm("PUT", f"{NSG}/securityRules/other", {"properties": rule(**changes)})
    assert refusal(answer) == (400, code)


def test_tags_are_patched_at_once(arm: Arm) -> None:
    """A PATCH starts no operation, and replaces all tags."""
    arm.make_network()
    arm.put(IP, tags={"a": "b"}, **STATIC)
    answer = arm("PATCH", IP, {"tags": {"c": "d"}})
    assert (answer.status_code, answer.json()["tags"]) == (200, {"c": "d"})
    assert "Azure-AsyncOperation" not in answer.headers


STANDARD = {"sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (["1"], ["2"], "constraint 1 and the request has availability zone constraint 2,"),
        (["1"], [], "constraint 1 and the request has availability zone constraint NoZone,"),
        ([], ["1"], "constraint NoZone and the request has availability zone constraint 1,"),
        (["1", "2", "3"], ["1"], "constraint 1, 2, 3 and the request has availability zone constraint 1,"),
    ],
)
def test_an_address_cannot_change_its_zones(arm: Arm, before: list[str], after: list[str], words: str) -> None:
    """A PUT with other zones is refused; the same zones in another order are no change."""
    arm.make_group()
    path = f"{NETWORK}/publicIPAddresses/ip"
    arm.put(path, **STANDARD, zones=before)
    number = arm.shown(path)["properties"]["ipAddress"]
    refused = arm("PUT", path, {"location": "westus2", **STANDARD, "zones": after})
    assert refusal(refused) == (400, "ResourceAvailabilityZonesCannotBeModified")
    assert words in refused.json()["error"]["message"]
    arm.put(path, **STANDARD, zones=before[::-1])
    assert arm.shown(path)["properties"]["ipAddress"] == number


def test_usages_count_network_resources_by_location(arm: Arm) -> None:
    """Addresses count by kind; resources of other locations do not count."""
    arm.make_network()
    arm.make_interface()
    arm.put(f"{NETWORK}/publicIPAddresses/a", **STANDARD)
    arm.put(f"{NETWORK}/publicIPAddresses/b", properties={"publicIPAllocationMethod": "Dynamic"})
    base = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations"
    shown = arm.shown(f"{base}/westus2/usages")["value"]
    assert {each["name"]["value"]: each["currentValue"] for each in shown} == {
        "VirtualNetworks": 1,
        "NetworkSecurityGroups": 0,
        "NetworkInterfaces": 1,
        "PublicIPAddresses": 2,
        "StaticPublicIPAddresses": 1,
        "IPv4StandardSkuPublicIpAddresses": 1,
    }
    assert all(each["unit"] == "Count" and each["limit"] > 1 for each in shown)
    assert {each["currentValue"] for each in arm.shown(f"{base}/eastus/usages")["value"]} == {0}
    assert refusal(arm("GET", f"{base}/mars/usages")) == (400, "LocationNotAvailableForResourceType")


def test_only_a_subnet_may_have_a_location_as_a_child(arm: Arm) -> None:
    """Some templates give it one, which is ignored; a rule with one is refused."""
    arm.make_network()
    subnet = f"{NETWORK}/virtualNetworks/net/subnets/b"
    arm.done(arm("PUT", subnet, {"location": "eastus", "properties": {"addressPrefix": "10.0.9.0/24"}}))
    assert "location" not in arm.shown(subnet)
    arm.put(f"{NETWORK}/networkSecurityGroups/walls")
    rule = {"protocol": "*", "access": "Allow", "direction": "Inbound", "priority": 100}
    answer = arm(
        "PUT", f"{NETWORK}/networkSecurityGroups/walls/securityRules/r", {"location": "eastus", "properties": rule}
    )
    assert refusal(answer) == (400, "InvalidRequestFormat")


@pytest.mark.parametrize("name", ["a/b", "", "-a", "a.", "/subscriptions/x", "a" * 81])
def test_names_of_parts_must_be_valid_in_ids(arm: Arm, name: str) -> None:
    """A subnet, rule or IP configuration with an invalid name is refused with the rule."""
    arm.make_network()
    rule = {"access": "Allow", "direction": "Inbound", "priority": 100, "protocol": "*"}
    bodies = {
        "virtualNetworks/other": {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}, "subnets": [{"name": name}]},
        "networkSecurityGroups/g": {"securityRules": [{"name": name, "properties": rule}]},
    }
    for path, properties in bodies.items():
        answer = arm("PUT", f"{NETWORK}/{path}", {"location": "westus2", "properties": properties})
        assert refusal(answer) == (400, "InvalidResourceName" if name else "InvalidRequestFormat")


@pytest.mark.parametrize("slot", [{}, {"id": ""}])
def test_a_reference_without_an_id_is_refused(arm: Arm, slot: dict[str, str]) -> None:
    """An empty object is no reference."""
    arm.make_network()
    part = {"name": "a", "properties": {"subnet": {"id": SUBNET}, "publicIPAddress": slot}}
    answer = arm(
        "PUT", f"{NETWORK}/networkInterfaces/n", {"location": "westus2", "properties": {"ipConfigurations": [part]}}
    )
    assert refusal(answer) == (400, "InvalidRequestFormat")
    assert answer.json()["error"]["details"][0]["code"] == "MissingJsonReferenceId"


def test_ports_may_be_numbers(arm: Arm) -> None:
    """Real templates have them; they are stored as text."""
    several = {"name": "r", "properties": rule(destinationPortRange=None, destinationPortRanges=[22, 3389])}
    arm.make_group()
    arm.put(NSG, properties={"securityRules": [several]})
    [shown] = arm.shown(NSG)["properties"]["securityRules"]
    assert shown["properties"]["destinationPortRanges"] == ["22", "3389"]
