"""Template deployments: the resources of a template and their order, outputs, and failures."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conformance.arm import COMPUTE, GROUP, KEY, NETWORK, SUBNET, Arm, machine, refusal
from tests.conformance.deployments import (
    DEPLOYMENT,
    DEPLOYMENTS,
    address,
    disk,
    interface,
    network,
    request,
    resource,
    text,
    vm,
)
from vmops.local.arm.state.clock import ManualClock

LOCKS = "/providers/Microsoft.Authorization/locks"
SECRET = "s3cret-Passw0rd!"


def deploy(arm: Arm, *resources: Any, name: str = "d", **parts: Any) -> httpx.Response:
    """PUT a deployment."""
    return arm("PUT", f"{DEPLOYMENTS}/{name}", request(*resources, **parts))


def ended(arm: Arm, accepted: httpx.Response) -> dict[str, Any]:
    """Advance the time until a deployment has ended, and show it."""
    assert accepted.status_code in (200, 201), accepted.text
    arm.clock.advance(600)
    properties: dict[str, Any] = arm.shown(accepted.json()["id"])["properties"]
    return properties


def outputs(arm: Arm, *resources: Any, name: str = "d", **parts: Any) -> dict[str, Any]:
    """Deploy, and give the values of the outputs."""
    shown = ended(arm, deploy(arm, *resources, name=name, **parts))
    assert shown["provisioningState"] == "Succeeded", shown
    return {key: output.get("value") for key, output in shown["outputs"].items()}


def failure(arm: Arm, *resources: Any, **parts: Any) -> dict[str, Any]:
    """Deploy, and give the failure."""
    shown = ended(arm, deploy(arm, *resources, **parts))
    assert shown["provisioningState"] == "Failed", shown
    error: dict[str, Any] = shown["error"]
    return error


def names(arm: Arm) -> list[str]:
    """Name all resources in the group."""
    return sorted(each["name"] for each in arm.shown(f"{GROUP}/resources")["value"])


def test_a_deployment_is_accepted_runs_and_succeeds(arm: Arm) -> None:
    """It is a long-running operation, and each resource is requested when its dependencies exist."""
    arm.make_group()
    wants = "[resourceId('Microsoft.Network/virtualNetworks', 'net')]"
    nic = "Microsoft.Network/networkInterfaces/vm-nic"
    accepted = deploy(arm, vm(dependsOn=[nic]), interface(dependsOn=[wants]), network())
    shown = accepted.json()
    assert (accepted.status_code, shown["id"], shown["type"]) == (201, DEPLOYMENT, "Microsoft.Resources/deployments")
    assert shown["properties"]["provisioningState"] == "Accepted"
    status = accepted.headers["Azure-AsyncOperation"]
    assert f"{DEPLOYMENT}/operationStatuses/" in status
    assert arm.poll(accepted).json() == {"status": "Accepted"}
    seen = []
    for seconds in (2, 10, 5, 84, 5):  # each takes as long as by itself: the network 10 s, the interface 1, the VM 91
        arm.clock.advance(seconds)
        seen.append((arm.poll(accepted).json()["status"], names(arm)))
    assert seen[0] == ("Running", ["net"])
    assert seen[1] == ("Running", ["net", "vm-nic"])
    assert seen[2] == ("Running", ["net", "vm", "vm-nic", "vm-os"])
    assert seen[3][0] == "Running"
    assert seen[4] == ("Succeeded", ["net", "vm", "vm-nic", "vm-os"])
    done = arm.shown(DEPLOYMENT)["properties"]
    assert [each["id"] for each in done["outputResources"]] == [
        f"{COMPUTE}/virtualMachines/vm",
        f"{NETWORK}/networkInterfaces/vm-nic",
        f"{NETWORK}/virtualNetworks/net",
    ]
    assert done["duration"].startswith("PT1M43.")
    assert done["correlationId"] == shown["properties"]["correlationId"]
    assert (done["outputs"], done["mode"]) == ({}, "Incremental")
    assert {each["namespace"] for each in done["providers"]} == {"Microsoft.Compute", "Microsoft.Network"}
    assert [each["resourceName"] for each in done["dependencies"]] == ["vm", "vm-nic"]
    assert arm.power() == "running"


def test_operations_due_at_once_end_in_order(arm: Arm) -> None:
    """After an hour without a request, each resource was made at its own time."""
    arm.make_group()
    deploy(arm, network(), interface(dependsOn=["net"]), vm(dependsOn=["vm-nic"]))
    began = arm.clock.now()
    arm.clock.advance(3600)
    assert arm.power() == "running"
    listed = arm.shown(f"{GROUP}/deployments/d/operations")["value"]
    ends = [each["properties"]["timestamp"] for each in listed]
    assert ends == sorted(ends)
    done = arm.shown(DEPLOYMENT)["properties"]
    assert done["duration"] < "PT1M50"
    assert began < arm.clock.now()


def test_the_operations_of_a_deployment_are_listed(arm: Arm) -> None:
    """Each resource and the outputs have an operation, also at the path without the provider."""
    arm.make_group()
    ended(arm, deploy(arm, address()))
    for base in (DEPLOYMENT, f"{GROUP}/deployments/d"):
        made, gave = arm.shown(f"{base}/operations")["value"]
        assert made["properties"]["targetResource"] == {
            "id": f"{NETWORK}/publicIPAddresses/ip",
            "resourceType": "Microsoft.Network/publicIPAddresses",
            "resourceName": "ip",
        }
        assert (made["properties"]["provisioningState"], made["properties"]["statusCode"]) == ("Succeeded", "OK")
        assert gave["properties"]["provisioningOperation"] == "EvaluateDeploymentOutput"
        assert arm.shown(f"{base}/operations/{made['operationId']}") == made
        assert refusal(arm("GET", f"{base}/operations/none")) == (404, "DeploymentOperationNotFound")


def test_deployments_are_read_listed_and_deleted(arm: Arm) -> None:
    """Deleting a deployment keeps its resources; deleting a group deletes its deployments."""
    arm.make_group()
    assert arm("HEAD", DEPLOYMENT).status_code == 404
    assert refusal(arm("GET", DEPLOYMENT)) == (404, "DeploymentNotFound")
    assert arm("DELETE", DEPLOYMENT).status_code == 204
    ended(arm, deploy(arm, address()))
    failure(arm, address("bad", zones=["9"]), name="e")
    assert arm("HEAD", DEPLOYMENT.upper()).status_code == 204
    assert [each["name"] for each in arm.shown(DEPLOYMENTS)["value"]] == ["e", "d"]
    assert [each["name"] for each in arm.shown(DEPLOYMENTS, filter="provisioningState eq 'Failed'")["value"]] == ["e"]
    assert len(arm.shown(DEPLOYMENTS, top="1")["value"]) == 1
    assert refusal(arm("GET", DEPLOYMENTS, filter="name eq 'd'")) == (400, "InvalidFilterInQueryString")
    gone = arm("DELETE", DEPLOYMENT)
    assert (gone.status_code, arm.poll(gone).status_code) == (202, 202)
    assert arm.shown(DEPLOYMENT)["properties"]["provisioningState"] == "Deleting"
    assert refusal(arm("DELETE", DEPLOYMENT)) == refusal(deploy(arm)) == (409, "DeploymentActive")
    arm.done(gone)
    assert arm.poll(gone).status_code == 204
    assert [each["name"] for each in arm.shown(DEPLOYMENTS)["value"]] == ["e"]
    assert names(arm) == ["ip"]
    arm.done(arm("DELETE", GROUP))
    arm.make_group()
    assert arm.shown(DEPLOYMENTS)["value"] == []


def test_a_deployment_can_be_repeated_under_its_name(arm: Arm) -> None:
    """Once it has ended, with 200 and on existing resources. Resources outside the template stay."""
    arm.make_group()
    first = deploy(arm, address(), disk())
    busy = deploy(arm, address())
    assert (refusal(busy), busy.headers["Retry-After"]) == ((409, "DeploymentActive"), "2")
    assert refusal(arm("DELETE", DEPLOYMENT)) == (409, "DeploymentActive")
    ended(arm, first)
    again = deploy(arm, address(tags={"a": "b"}))
    assert again.status_code == 200
    assert ended(arm, again)["provisioningState"] == "Succeeded"
    assert arm.shown(f"{NETWORK}/publicIPAddresses/ip")["tags"] == {"a": "b"}
    assert names(arm) == ["disk", "ip"]


def test_a_cancelled_deployment_makes_no_further_requests(arm: Arm) -> None:
    """Requests that were made are completed. An ended deployment cannot be cancelled."""
    arm.make_group()
    accepted = deploy(arm, network(), interface(dependsOn=["net"]))
    arm.clock.advance(5)
    assert names(arm) == ["net"]
    assert arm("POST", f"{DEPLOYMENT}/cancel").status_code == 204
    assert arm.poll(accepted).json()["status"] == "Canceled"
    arm.clock.advance(600)
    assert names(arm) == ["net"]
    assert arm.shown(f"{NETWORK}/virtualNetworks/net")["properties"]["provisioningState"] == "Succeeded"
    assert arm.shown(DEPLOYMENT)["properties"]["provisioningState"] == "Canceled"
    assert refusal(arm("POST", f"{DEPLOYMENT}/cancel")) == (409, "DeploymentCannotBeCancelled")


def test_parameters_variables_and_outputs(arm: Arm) -> None:
    """Given values are unchanged, defaults are evaluated, and types have ARM's spelling."""
    arm.make_group()
    parts: dict[str, Any] = {
        "parameters": {
            "name": {"type": "string"},
            "label": {"type": "STRING", "defaultValue": "[concat(parameters('name'), '-', resourceGroup().location)]"},
            "ports": {"type": "array", "defaultValue": ["22"]},
            "flag": {"type": "bool", "defaultValue": False},
            "word": {"type": "string", "defaultValue": ""},
        },
        "variables": {
            "both": "[concat(variables('upper'), parameters('label'))]",
            "upper": "[toUpper(parameters('name'))]",
            "copy": [{"name": "many", "count": 2, "input": "[copyIndex('many', 1)]"}],
            "deep": {"one": ["[parameters('word')]"]},
        },
        "outputs": {
            "both": {"type": "string", "value": "[variables('BOTH')]"},
            "many": {"type": "array", "value": "[variables('many')]"},
            "deep": {"type": "object", "value": "[variables('deep')]"},
            "loop": {"type": "array", "copy": {"count": 2, "input": "[concat('x', copyIndex())]"}},
            "no": {"type": "int", "value": 1, "condition": "[parameters('flag')]"},
        },
    }
    given = {"name": "[not('evaluated')]", "word": "w"}
    shown = ended(arm, deploy(arm, given=given, **parts))
    assert {name: each["type"] for name, each in shown["parameters"].items()} == {
        "name": "String",
        "label": "String",
        "ports": "Array",
        "flag": "Bool",
        "word": "String",
    }
    assert shown["parameters"]["label"]["value"] == "[not('evaluated')]-westus2"
    assert shown["outputs"] == {
        "both": {"type": "String", "value": "[NOT('EVALUATED')][not('evaluated')]-westus2"},
        "many": {"type": "Array", "value": [1, 2]},
        "deep": {"type": "Object", "value": {"one": ["w"]}},
        "loop": {"type": "Array", "value": ["x0", "x1"]},
    }


def test_loops_and_conditions_determine_the_number_of_resources(arm: Arm) -> None:
    """A dependency may name a loop. A resource with a false condition is not made, and not waited for."""
    arm.make_group()
    loop = {"name": "many", "count": 3}
    made = outputs(
        arm,
        address("[concat('ip', copyIndex(1))]", copy=loop),
        disk("not", condition="[equals(1, 2)]"),
        disk(dependsOn=["many", "not"], tags={"of": "[resourceGroup().name]"}),
        outputs={"first": {"type": "string", "value": "[reference('ip1').provisioningState]"}},
    )
    assert names(arm) == ["disk", "ip1", "ip2", "ip3"]
    assert made == {"first": "Succeeded"}
    assert arm.shown(f"{COMPUTE}/disks/disk")["tags"] == {"of": "rg"}
    needs = arm.shown(DEPLOYMENT)["properties"]["dependencies"]
    assert [each["resourceName"] for each in needs[0]["dependsOn"]] == ["ip1", "ip2", "ip3"]


def test_a_serial_loop_makes_a_batch_at_a_time(arm: Arm) -> None:
    """The second batch starts when the first exists."""
    arm.make_group()
    loop = {"name": "many", "count": 5, "mode": "Serial", "batchSize": 2}
    accepted = deploy(arm, disk("[concat('d', copyIndex())]", copy=loop))
    counts = []
    for _ in range(3):
        arm.clock.advance(2)
        counts.append(len(names(arm)))
    assert counts == [2, 4, 5]
    assert ended(arm, accepted)["provisioningState"] == "Succeeded"


def test_property_loops_and_nulls(arm: Arm) -> None:
    """They have the effect of the same direct PUT."""
    arm.make_group()
    rule = {"priority": "[add(100, copyIndex('securityRules'))]", "direction": "Inbound", "access": "Allow"}
    rule |= {"protocol": "Tcp", "destinationPortRange": "22", "description": "[if(true(), null(), 'x')]"}
    each = {"name": "[concat('r', copyIndex('securityRules'))]", "properties": rule}
    own = {"copy": [{"name": "securityRules", "count": 2, "input": each}]}
    ended(arm, deploy(arm, resource("Microsoft.Network/networkSecurityGroups", "nsg", properties=own)))
    rules = arm.shown(f"{NETWORK}/networkSecurityGroups/nsg")["properties"]["securityRules"]
    assert [(each["name"], each["properties"]["priority"]) for each in rules] == [("r0", 100), ("r1", 101)]
    assert "description" not in rules[0]["properties"]


def test_children_may_be_nested_or_named_in_full(arm: Arm) -> None:
    """They are separate resources with their own dependencies."""
    arm.make_group()
    prefix = {"addressPrefix": "10.0.1.0/24"}
    inside = {"type": "subnets", "apiVersion": "2024-05-01", "name": "in", "properties": prefix, "dependsOn": ["net"]}
    child: dict[str, Any] = {
        "type": "Microsoft.Network/virtualNetworks/subnets",
        "apiVersion": "2024-05-01",
        "name": "net/out",
    }
    child |= {"properties": {"addressPrefix": "10.0.2.0/24"}, "dependsOn": ["net/in"]}
    found = outputs(
        arm,
        network(resources=[inside]),
        child,
        outputs={
            "id": {"type": "string", "value": "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'net', 'out')]"}
        },
    )
    assert [each["name"] for each in arm.shown(f"{NETWORK}/virtualNetworks/net/subnets")["value"]] == [
        "in",
        "out",
        "sub",
    ]
    assert found["id"] == f"{NETWORK}/virtualNetworks/net/subnets/out"


def test_a_reference_is_a_dependency(arm: Arm) -> None:
    """A resource that refers to another, by name, type or id, is made after it without dependsOn."""
    arm.make_group()
    first = "[reference('ip').publicIPAllocationMethod]"
    second = "[reference(resourceId('Microsoft.Compute/disks', 'b'), '2024-03-02', 'Full').location]"
    third = "[if(true(), reference('Microsoft.Compute/disks/c').diskSizeGB, reference('disk').diskSizeGB)]"
    made = outputs(
        arm,
        disk(tags={"of": "[string(reference('c').diskSizeGB)]"}),
        disk("c", tags={"of": second}),
        disk("b", tags={"of": first}),
        address(),
        outputs={
            "size": {"type": "int", "value": third},
            "all": {"type": "array", "value": "[createArray(reference('ip').ipAddress)]"},
        },
    )
    assert [arm.shown(f"{COMPUTE}/disks/{name}")["tags"]["of"] for name in ("disk", "c", "b")] == [
        "8",
        "westus2",
        "Static",
    ]
    assert made["size"] == 8
    assert made["all"] == [arm.shown(f"{NETWORK}/publicIPAddresses/ip")["properties"]["ipAddress"]]


def test_a_reference_outside_the_template_needs_an_api_version(arm: Arm) -> None:
    """It is read when the deployment gets there."""
    arm.make_group()
    arm.put(
        f"{NETWORK}/publicIPAddresses/old", sku={"name": "Standard"}, properties={"publicIPAllocationMethod": "Static"}
    )
    rid = "resourceId('Microsoft.Network/publicIPAddresses', 'old')"
    state = {"state": {"type": "string", "value": f"[reference({rid}, '2024-05-01').provisioningState]"}}
    assert outputs(arm, outputs=state) == {"state": "Succeeded"}
    without = {"state": {"type": "string", "value": f"[reference({rid}).provisioningState]"}}
    assert refusal(deploy(arm, outputs=without, name="e")) == (400, "InvalidTemplate")


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"given": {"other": 1}}, "they are not present in the original template"),
        ({"parameters": {"a": {"type": "string"}}}, "The value for the template parameter 'a' is not provided."),
        ({"parameters": {"a": {"type": "text", "defaultValue": ""}}}, "The type 'text' is not valid"),
        ({"parameters": {"a": {"type": "int", "defaultValue": True}}}, "received a value of type 'Boolean'"),
        (
            {"parameters": {"a": {"type": "string", "allowedValues": ["x", "y"]}}, "given": {"a": "z"}},
            "The provided value 'z' for the template parameter 'a' is not valid. The parameter value is not part of "
            "the allowed value(s): 'x,y'.",
        ),
        ({"parameters": {"a": {"type": "string", "minLength": 2, "defaultValue": "x"}}}, "at least '2' in length"),
        ({"parameters": {"a": {"type": "array", "maxLength": 1, "defaultValue": [1, 2]}}}, "at most '1' in length"),
        ({"parameters": {"a": {"type": "int", "maxValue": 1, "defaultValue": 2}}}, "must be at most '1'."),
        ({"variables": {"a": "[variables('a')]"}, "outputs": text("[variables('a')]")}, "depends on itself"),
        ({"outputs": text("[variables('a')]")}, "The template variable 'a' is not found."),
        ({"outputs": text(1)}, "expected a value of type 'String', but it evaluated to one of type 'Integer'"),
        ({"outputs": text("[reference('none')]")}, "The resource 'none' is not defined in the template."),
        ({"resources": {"symbolic": {}}}, "symbolic names"),
        ({"resources": ["x"]}, "lists of objects"),
        ({"resources": [address("a/b")]}, "incorrect segment lengths"),
        ({"resources": [resource("Microsoft.Network", "a")]}, "incorrect segment lengths"),
        ({"resources": [{"type": "A.B/c", "name": "x"}]}, "resource property 'apiVersion' is of type 'Null'"),
        ({"resources": [address(), address("IP")]}, "is defined multiple times in a template"),
        ({"resources": [address(dependsOn=["none"])]}, "The resource 'none' is not defined in the template."),
        ({"resources": [address("a", dependsOn=["b"]), address("b", dependsOn=["a"])]}, "Circular dependency detected"),
        ({"resources": [address(tags={"a": "[reference('ip').x]"})]}, "Circular dependency detected on resource"),
        ({"resources": [address("[reference('b').x]"), address("b")]}, "'reference' is not expected at this location"),
        ({"resources": [address("a"), disk("a"), disk("b", dependsOn=["a"])]}, "The resource 'a' is ambiguous"),
        ({"resources": [address(condition="yes")]}, "a 'Boolean' is expected"),
        ({"resources": [address(copy={"name": "a", "count": -1})]}, "The count of a copy must be an integer"),
        ({"resources": [address(copy={"count": 1})]}, "A copy of a resource has a 'name' and a 'count'."),
        ({"resources": [address(copy={"name": "a", "count": 1, "mode": "odd"})]}, "'parallel' or 'serial'"),
        ({"resources": [address(tags={"a": "[nothing()]"})]}, "The template function 'nothing' is not valid."),
        ({"resources": [address(tags={"a": "[concat("})]}, ""),
        ({"resources": [address(tags={"a": "[concat(]"})]}, "Unable to parse language expression 'concat('"),
        ({"resources": [address(resourceGroup="other")]}, "is a nested deployment"),
        ({"resources": [resource("Microsoft.Resources/deployments", "n", properties={})]}, "is a nested deployment"),
        ({"resources": [address(scope="odd")]}, "The scope 'odd' of a template resource"),
    ],
)  # fmt: skip
def test_an_invalid_template_is_refused_with_a_sentence(arm: Arm, parts: dict[str, Any], sentence: str) -> None:
    """Before anything is made, by PUT and by validate."""
    arm.make_group()
    body = request(**{"given": None, **parts})
    body["properties"]["template"]["resources"] = parts.get("resources", [])
    if not sentence:  # a string that only starts like an expression is literal
        assert arm("POST", f"{DEPLOYMENT}/validate", body).status_code == 200
        return
    for answer in (arm("POST", f"{DEPLOYMENT}/validate", body), arm("PUT", DEPLOYMENT, body)):
        assert refusal(answer) == (400, "InvalidTemplate")
        assert sentence in answer.json()["error"]["message"]
    assert arm("HEAD", DEPLOYMENT).status_code == 404


@pytest.mark.parametrize(
    ("body", "expected", "sentence"),
    [
        ({}, (400, "InvalidRequestContent"), "'properties'"),
        ({"properties": {"mode": "Incremental"}}, (400, "InvalidRequestContent"), "'template'"),
        ({"properties": {"template": {}}}, (400, "InvalidRequestContent"), "properties.mode"),
        ({"properties": {"mode": "Odd", "template": {}}}, (400, "InvalidRequestContent"), "properties.mode"),
        ({"properties": {"mode": "Incremental", "template": {}, "x": 1}}, (400, "InvalidRequestContent"), "member 'x'"),
        ({"properties": {"mode": "Incremental", "template": []}}, (400, "InvalidRequestContent"), "'template'"),
        ({"properties": {"mode": "Incremental", "template": {}}, "tags": {"a": 1}}, (400, "InvalidRequestContent"), ""),
        ({"properties": {"mode": "Complete", "template": {}}}, (400, "NotSupported"), "mode Complete"),
        ({"properties": {"mode": "Incremental", "templateLink": {}}}, (400, "NotSupported"), "templateLink"),
        ({"properties": {"mode": "Incremental", "parametersLink": {}}}, (400, "NotSupported"), "parametersLink"),
        ({"properties": {"mode": "Incremental", "onErrorDeployment": {}}}, (400, "NotSupported"), "onErrorDeployment"),
        (
            {"properties": {"mode": "Incremental", "template": {}, "debugSetting": {"detailLevel": "requestContent"}}},
            (400, "NotSupported"),
            "debugSetting",
        ),
    ],
)  # fmt: skip
def test_unsupported_parts_of_a_deployment_are_refused(
    arm: Arm, body: dict[str, Any], expected: tuple[int, str], sentence: str
) -> None:
    """Nothing is silently ignored."""
    arm.make_group()
    answer = arm("PUT", DEPLOYMENT, body)
    assert refusal(answer) == expected
    assert sentence in answer.json()["error"]["message"]


def test_what_if_and_a_missing_group_are_refused(arm: Arm) -> None:
    """whatIf is not supported, and an absent group has no deployments."""
    assert refusal(deploy(arm)) == (404, "ResourceGroupNotFound")
    assert refusal(arm("GET", DEPLOYMENTS)) == (404, "ResourceGroupNotFound")
    arm.make_group()
    answer = arm("POST", f"{DEPLOYMENT}/whatIf", request())
    assert refusal(answer) == (400, "NotSupported")
    assert "whatIf" in answer.json()["error"]["message"]
    assert refusal(arm("PUT", f"{GROUP}/providers/Microsoft.Resources/other/x", {})) == (404, "InvalidResourceType")


def test_validate_lists_resources_and_makes_none(arm: Arm) -> None:
    """Its answer has the form of a successful deployment."""
    arm.make_group()
    shown = arm("POST", f"{DEPLOYMENT}/validate", request(network(), address())).json()["properties"]
    assert shown["provisioningState"] == "Succeeded"
    validated = [each["id"] for each in shown["validatedResources"]]
    assert validated == [f"{NETWORK}/virtualNetworks/net", f"{NETWORK}/publicIPAddresses/ip"]
    arm.clock.advance(600)
    assert names(arm) == []
    assert arm.shown(DEPLOYMENTS)["value"] == []


def test_a_refused_resource_fails_the_deployment_with_its_error(arm: Arm) -> None:
    """Its dependants are not requested, others are. The error is in the operation and in the deployment."""
    arm.make_group()
    accepted = deploy(arm, address("bad", zones=["9"]), disk(dependsOn=["bad"]), address("good"), network())
    arm.clock.advance(600)
    polled = arm.poll(accepted).json()
    shown = arm.shown(DEPLOYMENT)["properties"]
    assert (polled["status"], polled["error"]) == ("Failed", shown["error"])
    error = shown["error"]
    assert (error["code"], error["target"]) == ("DeploymentFailed", DEPLOYMENT)
    assert error["message"].startswith("At least one resource deployment operation failed.")
    direct = arm(
        "PUT",
        f"{NETWORK}/publicIPAddresses/bad",
        {
            key: part
            for key, part in address("bad", zones=["9"]).items()
            if key in ("location", "sku", "zones", "properties")
        },
    )
    assert error["details"] == [{"target": f"{NETWORK}/publicIPAddresses/bad"} | direct.json()["error"]]
    assert names(arm) == ["good", "net"]
    failed = [
        each["properties"]
        for each in arm.shown(f"{DEPLOYMENT}/operations")["value"]
        if "statusMessage" in each["properties"]
    ]
    assert [(each["provisioningState"], each["statusCode"]) for each in failed] == [("Failed", "BadRequest")]
    assert failed[0]["statusMessage"]["error"] == direct.json()["error"]
    assert "outputs" not in shown


def test_after_a_failure_no_further_requests_are_made(arm: Arm) -> None:
    """Running writes are completed, and their dependants are not made."""
    arm.make_group()
    failure(arm, address("bad", zones=["9"]), network(), interface(dependsOn=["net"]))
    assert names(arm) == ["net"]


def test_a_condition_may_refer_to_another_resource(arm: Arm) -> None:
    """Both branches are dependencies until the condition is known."""
    arm.make_group()
    condition = "equals(reference('ip').publicIPAllocationMethod, 'Static')"
    tag = f"[if({condition}, string(reference('other').diskSizeGB), 'no')]"
    ended(arm, deploy(arm, disk(tags={"a": tag}), address(), disk("other")))
    assert arm.shown(f"{COMPUTE}/disks/disk")["tags"] == {"a": "8"}


def test_a_failed_operation_fails_the_deployment(arm: Arm) -> None:
    """Faults apply to its requests as to a direct PUT."""
    arm.make_network()
    arm.make_interface("vm-nic")
    rule = {"path": "*/virtualMachines/vm", "verbs": ["create"], "effect": {"do": "fail", "code": "AllocationFailed"}}
    assert arm("PUT", "/_local/faults", [rule]).status_code == 200
    error = failure(arm, vm())
    cause = error["details"][0]
    assert (cause["code"], cause["target"]) == ("ResourceDeploymentFailure", f"{COMPUTE}/virtualMachines/vm")
    assert [each["code"] for each in cause["details"]] == ["AllocationFailed"]
    assert arm.shown(f"{COMPUTE}/virtualMachines/vm")["properties"]["provisioningState"] == "Failed"


def test_faults_apply_to_requests_of_a_deployment(arm: Arm) -> None:
    """So do quotas."""
    arm.make_network()
    arm.make_interface("vm-nic")
    rule = {"path": "*/virtualMachines/*", "verbs": ["create"], "effect": {"do": "refuse", "code": "SkuNotAvailable"}}
    arm("PUT", "/_local/faults", [rule])
    assert [each["code"] for each in failure(arm, vm())["details"]] == ["SkuNotAvailable"]


def test_a_stuck_write_delays_the_deployment(arm: Arm) -> None:
    """After the faults are cleared both continue."""
    arm.make_network()
    arm.make_interface("vm-nic")
    arm("PUT", "/_local/faults", [{"path": "*/virtualMachines/*", "effect": {"do": "stick"}}])
    accepted = deploy(arm, vm())
    arm.clock.advance(10_000)
    assert arm.poll(accepted).json() == {"status": "Running"}
    arm("PUT", "/_local/faults", [])
    assert arm.poll(accepted).json() == {"status": "Succeeded"}


def test_locks_and_policies_apply_to_deployments(arm: Arm) -> None:
    """A lock of the group stops the deployment, a lock of a resource that resource; a policy adds its tags."""
    arm.make_group()
    arm.put(
        f"{NETWORK}/publicIPAddresses/ip", sku={"name": "Standard"}, properties={"publicIPAllocationMethod": "Static"}
    )
    arm("PUT", f"{NETWORK}/publicIPAddresses/ip{LOCKS}/l", {"properties": {"level": "ReadOnly"}})
    assert [each["code"] for each in failure(arm, address())["details"]] == ["ScopeLocked"]
    change = {"operation": "add", "field": "tags['team']", "value": "a"}
    then = {"effect": "modify", "details": {"operations": [change]}}
    deny = {"if": {"field": "name", "equals": "no"}, "then": {"effect": "deny"}}
    put = {"if": {"field": "type", "equals": "Microsoft.Compute/disks"}, "then": then}
    arm("PUT", "/_local/policies", [{"name": "put", "policyRule": put}, {"name": "deny", "policyRule": deny}])
    assert [each["code"] for each in failure(arm, disk("no"), disk())["details"]] == ["RequestDisallowedByPolicy"]
    assert arm.shown(f"{COMPUTE}/disks/disk")["tags"] == {"team": "a"}
    arm("PUT", f"{GROUP}{LOCKS}/l", {"properties": {"level": "ReadOnly"}})
    assert refusal(deploy(arm, address("other"))) == (409, "ScopeLocked")


def test_a_throttled_request_of_a_deployment_is_retried(arm: Arm) -> None:
    """After Compute's pause; the deployment takes longer."""
    arm.make_machine()
    body = machine()
    while arm("PUT", f"{COMPUTE}/virtualMachines/vm", body).status_code != 429:
        arm.clock.advance(1)
    accepted = deploy(arm, vm(tags={"a": "b"}))
    arm.clock.advance(5)
    assert arm.poll(accepted).json() == {"status": "Running"}
    assert ended(arm, accepted)["provisioningState"] == "Succeeded"
    assert arm.shown(f"{COMPUTE}/virtualMachines/vm")["tags"] == {"a": "b"}


def test_an_output_that_cannot_be_evaluated_fails_the_deployment(arm: Arm) -> None:
    """Its resources exist."""
    arm.make_group()
    error = failure(arm, address(), outputs=text("[reference('ip').dnsSettings.fqdn]"))
    assert error["code"] == "DeploymentOutputEvaluationFailed"
    assert [(each["code"], each["target"]) for each in error["details"]] == [("DeploymentOutputEvaluationFailed", "o")]
    assert "property 'dnsSettings' doesn't exist" in error["details"][0]["message"]
    assert names(arm) == ["ip"]


def test_a_late_expression_error_names_its_resource(arm: Arm) -> None:
    """A missing property of another resource is known only when that exists."""
    arm.make_group()
    cause = failure(arm, address(), disk(tags={"a": "[reference('ip').none]"}))["details"][0]
    assert (cause["code"], cause["target"]) == ("InvalidTemplate", f"{COMPUTE}/disks/disk")
    assert "for resource" in cause["message"]


def test_an_unknown_type_in_a_template_is_refused_like_a_request(arm: Arm) -> None:
    """An unknown type or property fails the deployment with the error of a direct PUT."""
    arm.make_group()
    unknown = resource("Microsoft.Storage/storageAccounts", "a", properties={})
    assert [each["code"] for each in failure(arm, unknown)["details"]] == ["InvalidResourceNamespace"]
    assert [each["code"] for each in failure(arm, disk(odd=1))["details"]] == ["InvalidRequestContent"]


def test_a_refused_write_of_a_deployment_changes_nothing(arm: Arm) -> None:
    """The refused write is rolled back, and requests of the same moment are not."""
    arm.make_network()
    wrong = network()
    prefix = {"addressPrefix": "10.0.9.0/24"}
    wrong["properties"]["subnets"] = [{"name": name, "properties": prefix} for name in ("a", "b")]
    error = failure(arm, wrong, address())
    assert [each["code"] for each in error["details"]] == ["NetcfgSubnetRangesOverlap"]
    subnets = arm.shown(f"{NETWORK}/virtualNetworks/net")["properties"]["subnets"]
    assert ([each["name"] for each in subnets], names(arm)) == (["sub"], ["ip", "net"])


def test_deleting_a_group_deletes_its_deployments(arm: Arm) -> None:
    """A running deployment ends, and makes nothing in a group under deletion."""
    arm.make_group()
    accepted = deploy(arm, network(), interface(dependsOn=["net"]))
    arm.clock.advance(5)
    gone = arm("DELETE", GROUP)
    assert arm.poll(accepted).json()["status"] == "Failed"
    arm.done(gone)
    assert refusal(arm("GET", DEPLOYMENT)) == (404, "ResourceGroupNotFound")
    assert arm("GET", "/_local/resources").json() == []


def test_secure_parameters_are_neither_shown_nor_stored(arm: Arm, tmp_path: Path) -> None:
    """Not in an answer, a refusal or the cloud's file, during the deployment and afterwards."""
    arm.make_network()
    arm.make_interface("vm-nic")
    own = machine()["properties"]
    own["osProfile"] = {"adminUsername": "mlos", "adminPassword": "[parameters('password')]"}
    parts: dict[str, Any] = {
        "parameters": {"password": {"type": "securestring"}, "more": {"type": "secureObject", "defaultValue": {}}},
        "outputs": {"out": {"type": "securestring", "value": "[parameters('password')]"}},
        "given": {"password": SECRET, "more": {"a": SECRET}},
    }
    accepted = deploy(arm, vm() | {"properties": own}, **parts)
    answers = [accepted.text]
    for seconds in (0, 5, 600):
        arm.clock.advance(seconds)
        answers += [
            arm("GET", path).text for path in (DEPLOYMENT, f"{DEPLOYMENT}/operations", f"{COMPUTE}/virtualMachines/vm")
        ]
        answers.append(arm("POST", f"{DEPLOYMENT}/exportTemplate").text)
        assert not [path for path in tmp_path.iterdir() if SECRET.encode() in path.read_bytes()]
    assert not [answer for answer in answers if SECRET in answer]
    shown = arm.shown(DEPLOYMENT)["properties"]
    assert shown["provisioningState"] == "Succeeded"
    assert shown["parameters"] == {"password": {"type": "SecureString"}, "more": {"type": "SecureObject"}}
    assert shown["outputs"] == {"out": {"type": "SecureString"}}
    wrong = deploy(
        arm, parameters={"p": {"type": "securestring", "allowedValues": ["a"]}}, given={"p": SECRET}, name="e"
    )
    assert refusal(wrong) == (400, "InvalidTemplate")
    assert SECRET not in wrong.text


def test_a_deployment_continues_in_another_process(tmp_path: Path) -> None:
    """With its secure parameters, from the same file."""
    secret: dict[str, Any] = {"parameters": {"tag": {"type": "securestring"}}, "given": {"tag": SECRET}}
    with Arm(tmp_path / "other.db", ManualClock()) as first:
        first.make_group()
        deploy(first, network(), disk(dependsOn=["net"], tags={"tag": "[parameters('tag')]"}), **secret)
        first.clock.advance(5)
        assert names(first) == ["net"]
        now = first.clock.now()
    with Arm(tmp_path / "other.db", ManualClock(now + 600)) as second:
        assert second.shown(DEPLOYMENT)["properties"]["provisioningState"] == "Succeeded"
        assert second.shown(f"{COMPUTE}/disks/disk")["tags"] == {"tag": SECRET}


def test_a_deployment_fails_with_another_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure says that its parameters cannot be read."""
    with Arm(tmp_path / "other.db", ManualClock()) as first:
        first.make_group()
        deploy(first, disk())
        now = first.clock.now()
    monkeypatch.setattr("tests.conformance.arm.TOKEN", "another")
    monkeypatch.setattr("tests.conformance.arm.AUTHORIZED", {"Authorization": "Bearer another"})
    with Arm(tmp_path / "other.db", ManualClock(now + 600)) as second:
        error = second.shown(DEPLOYMENT)["properties"]["error"]
        assert [each["code"] for each in error["details"]] == ["DeploymentForgotten"]
        assert refusal(second("POST", f"{DEPLOYMENT}/exportTemplate")) == (409, "DeploymentForgotten")


def test_a_template_that_became_invalid_fails_its_deployment(tmp_path: Path) -> None:
    """A tag of the group that it uses is gone when another process reads it again."""
    with Arm(tmp_path / "other.db", ManualClock()) as first:
        assert first("PUT", GROUP, {"location": "westus2", "tags": {"a": "b"}}).status_code == 201
        deploy(first, disk(tags={"a": "[resourceGroup().tags.a]"}))
        assert first("PATCH", GROUP, {"tags": {}}).status_code == 200
        now = first.clock.now()
    with Arm(tmp_path / "other.db", ManualClock(now + 600)) as second:
        error = second.shown(DEPLOYMENT)["properties"]["error"]
        assert [each["code"] for each in error["details"]] == ["InvalidTemplate"]


def test_export_template_returns_the_template(arm: Arm) -> None:
    """As it was sent."""
    arm.make_group()
    body = request(address("[concat('i', 'p')]"))
    ended(arm, arm("PUT", DEPLOYMENT, body))
    assert arm("POST", f"{DEPLOYMENT}/exportTemplate").json() == {"template": body["properties"]["template"]}


def test_a_deployment_has_tags(arm: Arm) -> None:
    """They are shown."""
    arm.make_group()
    answer = arm("PUT", DEPLOYMENT, request() | {"tags": {"a": "b"}})
    assert (answer.status_code, answer.json()["tags"]) == (201, {"a": "b"})


def test_a_template_makes_many_machines(arm: Arm) -> None:
    """As ``az vm create --count`` does: a loop of interfaces, and one of machines that depend on it."""
    arm.make_network()
    own = machine()["properties"]
    own["networkProfile"] = {
        "networkInterfaces": [{"id": "[resourceId('Microsoft.Network/networkInterfaces', concat('n', copyIndex()))]"}]
    }
    own["storageProfile"]["osDisk"] = {"createOption": "fromImage", "name": "[concat('os', copyIndex())]"}
    own["osProfile"]["linuxConfiguration"]["ssh"] = {"publicKeys": [{"keyData": "[parameters('key')]"}]}
    loop = {"name": "loop", "count": "[parameters('count')]"}
    part = {"name": "a", "properties": {"subnet": {"id": SUBNET}}}
    nic = resource(
        "Microsoft.Network/networkInterfaces",
        "[concat('n', copyIndex())]",
        copy=loop,
        properties={"ipConfigurations": [part]},
    )
    machines = vm(
        "[concat('vm', copyIndex())]",
        copy=loop | {"name": "vms"},
        dependsOn=["[concat('Microsoft.Network/networkInterfaces/n', copyIndex())]"],
    )
    ids = {
        "ids": {
            "type": "array",
            "copy": {
                "count": "[parameters('count')]",
                "input": "[resourceId('Microsoft.Compute/virtualMachines', concat('vm', copyIndex()))]",
            },
        }
    }
    made = outputs(
        arm, nic, machines | {"properties": own}, outputs=ids,
        parameters={"count": {"type": "int"}, "key": {"type": "securestring"}}, given={"count": 3, "key": KEY},
    )  # fmt: skip
    assert made["ids"] == [f"{COMPUTE}/virtualMachines/vm{number}" for number in range(3)]
    assert [arm.power(f"vm{number}") for number in range(3)] == ["running"] * 3
