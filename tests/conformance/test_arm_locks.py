"""Management locks: their scopes, and the requests that they refuse and permit."""

from typing import Any

import pytest

from tests.conformance.arm import COMPUTE, GROUP, NETWORK, SUBNET, SUBSCRIPTION, Arm, refusal

VM = f"{COMPUTE}/virtualMachines/vm"
WHOLE = f"/subscriptions/{SUBSCRIPTION}"
LOCKS = "/providers/Microsoft.Authorization/locks"
SCOPES = {"subscription": WHOLE, "group": GROUP, "machine": VM}
LOCKED = (409, "ScopeLocked")


def lock(arm: Arm, scope: str, level: str = "CanNotDelete", name: str = "keep") -> Any:
    """Lock a scope."""
    answer = arm("PUT", f"{scope}{LOCKS}/{name}", {"properties": {"level": level, "notes": "ours"}})
    assert answer.status_code == 201, answer.text
    return answer.json()


def unlock(arm: Arm, scope: str, name: str = "keep") -> None:
    assert arm("DELETE", f"{scope}{LOCKS}/{name}").status_code == 200


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_a_lock_is_a_resource_of_its_scope(arm: Arm, scope: str) -> None:
    """It is written, read, listed and deleted, at a path in any case."""
    arm.make_machine()
    made = lock(arm, scope)
    rid = f"{scope}{LOCKS}/keep"
    told = {"level": "CanNotDelete", "notes": "ours"}
    assert made == {"properties": told, "id": rid, "type": "Microsoft.Authorization/locks", "name": "keep"}
    assert arm.shown(rid.upper()) == made
    assert arm.shown(f"{scope}{LOCKS}")["value"] == [made]
    changed = arm("PUT", rid, {"properties": {"level": "readonly"}})
    assert (changed.status_code, changed.json()["properties"]) == (200, {"level": "ReadOnly"})
    unlock(arm, scope)
    assert arm("DELETE", rid).status_code == 204
    assert refusal(arm("GET", rid)) == (404, "LockNotFound")
    assert arm.shown(f"{scope}{LOCKS}")["value"] == []


def test_a_scope_lists_locks_below_or_above(arm: Arm) -> None:
    """With ``atScope()`` it lists inherited locks, and none below."""
    arm.make_machine()
    for scope in SCOPES.values():
        lock(arm, scope)

    def listed(scope: str, **query: str) -> list[str]:
        return [each["id"].removesuffix(f"{LOCKS}/keep") for each in arm.shown(f"{scope}{LOCKS}", **query)["value"]]

    assert listed(WHOLE) == [WHOLE, GROUP, VM]
    assert listed(GROUP) == [GROUP, VM]
    assert listed(GROUP, filter="atScope()") == [WHOLE, GROUP]
    assert refusal(arm("GET", f"{GROUP}{LOCKS}", filter="name eq 'a'")) == (400, "InvalidFilterInQueryString")


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (f"{GROUP}{LOCKS}/a", {}, (400, "InvalidRequestContent")),
        (f"{GROUP}{LOCKS}/a", {"properties": {"level": "Never"}}, (400, "InvalidRequestContent")),
        (f"{GROUP}{LOCKS}/a", {"properties": "ReadOnly"}, (400, "InvalidRequestContent")),
        (f"{VM}{LOCKS}/a", {"properties": {"level": "ReadOnly"}}, (404, "ResourceNotFound")),
        (f"{GROUP}x{LOCKS}/a", {"properties": {"level": "ReadOnly"}}, (404, "ResourceGroupNotFound")),
    ],
)
def test_a_lock_requires_a_level_and_an_existing_scope(
    arm: Arm, path: str, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    """An absent scope cannot be locked."""
    arm.make_group()
    assert refusal(arm("PUT", path, body)) == expected


@pytest.mark.parametrize("level", ["CanNotDelete", "ReadOnly"])
@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_a_locked_resource_cannot_be_deleted(arm: Arm, scope: str, level: str) -> None:
    """Nor its group, whether the lock is direct, inherited, or on a child."""
    arm.make_machine()
    lock(arm, scope, level)
    for target in (VM, GROUP):
        answer = arm("DELETE", target)
        assert refusal(answer) == LOCKED
        assert answer.json()["error"]["message"] == (
            f"The scope '{target}' cannot perform delete operation because following scope(s) are locked: '{scope}'. "
            "Please remove the lock and try again."
        )
        assert answer.headers["x-ms-failure-cause"] == "gateway"
    unlock(arm, scope)
    arm.done(arm("DELETE", GROUP))
    assert arm("HEAD", GROUP).status_code == 404


def test_a_cannot_delete_lock_permits_writes(arm: Arm) -> None:
    """Power verbs, updates and new resources are permitted, and unlocked resources can be deleted."""
    arm.make_machine()
    lock(arm, VM)
    arm.done(arm("POST", f"{VM}/powerOff"))
    assert arm("PATCH", VM, {"tags": {"a": "b"}}).status_code == 200
    arm.make_interface("other")
    arm.done(arm("DELETE", f"{NETWORK}/networkInterfaces/other"))
    assert refusal(arm("DELETE", VM)) == LOCKED


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_a_read_only_lock_refuses_every_write(arm: Arm, scope: str) -> None:
    """Power verbs and tags too; reads work."""
    arm.make_machine()
    lock(arm, scope, "ReadOnly")
    writes: list[tuple[str, str, Any]] = [
        ("PUT", VM, {}),
        ("PATCH", VM, {"tags": {}}),
        ("POST", f"{VM}/start", None),
        ("POST", f"{VM}/deallocate", None),
        ("PUT", f"{VM}/providers/Microsoft.Resources/tags/default", {"properties": {"tags": {}}}),
    ]
    for method, path, body in writes:
        answer = arm(method, path, body)
        assert refusal(answer) == LOCKED, path
        assert "cannot perform write operation" in answer.json()["error"]["message"]
    assert f"The scope '{VM}' cannot" in arm("POST", f"{VM}/start").json()["error"]["message"]
    assert arm.power() == "running"
    unlock(arm, scope)
    arm.done(arm("POST", f"{VM}/deallocate"))


def test_a_locked_child_prevents_the_deletion_of_its_parent(arm: Arm) -> None:
    """A network with a locked subnet stays; a network with a similar name does not."""
    arm.make_network()
    lock(arm, SUBNET)
    assert refusal(arm("DELETE", f"{NETWORK}/virtualNetworks/net")) == LOCKED
    assert arm("DELETE", f"{NETWORK}/virtualNetworks/ne").status_code == 204
    arm.put(f"{NETWORK}/publicIPAddresses/other", properties={"publicIPAllocationMethod": "Static"})
    arm.done(arm("DELETE", f"{NETWORK}/publicIPAddresses/other"))


def test_a_locked_disk_survives_its_machine(arm: Arm) -> None:
    """The lock wins over ``deleteOption``: disk and interface are detached and stay."""
    disk = {"createOption": "FromImage", "name": "vm-os", "deleteOption": "Delete"}
    interface = {"id": f"{NETWORK}/networkInterfaces/vm-nic", "properties": {"deleteOption": "Delete"}}
    arm.make_machine(storageProfile__osDisk=disk, networkProfile__networkInterfaces=[interface])
    for scope in (f"{COMPUTE}/disks/vm-os", interface["id"]):
        lock(arm, str(scope))
    arm.done(arm("DELETE", VM))
    assert arm.shown(f"{COMPUTE}/disks/vm-os")["properties"]["diskState"] == "Unattached"
    assert "virtualMachine" not in arm.shown(str(interface["id"]))["properties"]


def test_a_reset_removes_locks(arm: Arm) -> None:
    """New resources with the same ids have none."""
    arm.make_group()
    lock(arm, WHOLE, "ReadOnly")
    arm("POST", "/_local/reset")
    arm.make_group()
