"""The faults by name: the ways in which Azure is known to fail when machines are made."""

import json
from dataclasses import dataclass, field
from typing import Any

from vmops.local.arm.faults.effects import Effect, Fail, InGuest, Lag, Lose, Refuse, Stick
from vmops.local.arm.faults.refusal_texts import filled, find
from vmops.local.arm.faults.rule import Rule, read_rules
from vmops.spec.names import OWNER_TAG

_MACHINE = "*/virtualMachines/{vm}"


@dataclass(frozen=True)
class Fault:
    """A named fault: what it does, to which calls, and the source that reports it."""

    about: str
    source: str
    effect: Effect
    verbs: tuple[str, ...] = ("create",)
    path: str = _MACHINE

    def rule(self, name: str, vm: str = "*", **when: Any) -> Rule:
        """Give the rule for the calls about one VM, or about every one; ``when`` as in `Rule`.

        Raises: SpecError if that makes no valid rule.
        """
        plain = {"name": name, "path": self.path.format(vm=vm), "verbs": self.verbs, "effect": self.effect}
        return read_rules([plain | when])[0]


@dataclass(frozen=True)
class Incident:
    """An incident: something that somebody else does to a VM at once, by a request to ARM that vmops did not send."""

    about: str
    method: str
    step: str = ""
    body: dict[str, Any] = field(default_factory=dict)


_ERRORS = "Azure documentation, virtual machines: understand common error messages"
_THROTTLING = "Azure documentation, troubleshooting compute throttling errors"
_SPENT = {"operationGroup": "PutVM3Min", "allowedRequestCount": 240, "measuredRequestCount": 261}
_NOT_READY = (
    "Cannot proceed with operation because a resource used by resource {id} is not in Succeeded state. Resource is in "
    "Updating state and the last operation that updated/is updating the resource is PutSubnetOperation."
)


def _quota() -> Refuse:
    known = find("OperationNotAllowed:quota")
    numbers = {"limit": 10, "usage": 10, "more": 2, "least": 12}
    return Refuse(code="OperationNotAllowed:quota", message=filled(known.message if known else "", numbers))


FAULTS: dict[str, Fault] = {
    "quota": Fault(
        "The create of a VM is refused: its family has no cores left.", "karpenter-provider-azure#192", _quota()
    ),
    "sku-not-available": Fault(
        "The create of a VM is refused: its size is not available in the location.",
        "Azure/azure-cli#32628",
        Refuse(code="SkuNotAvailable"),
    ),
    "allocation-failed": Fault(
        "The create or start of a VM is accepted and then fails: no capacity in the region. The VM is left Failed.",
        "vmware-tanzu/community-edition#3963",
        Fail(code="AllocationFailed"),
        ("create", "start"),
    ),
    "zonal-allocation-failed": Fault(
        "The create or start of a VM is accepted and then fails: no capacity in the zone. The VM is left Failed.",
        "karpenter-provider-azure#892",
        Fail(code="ZonalAllocationFailed"),
        ("create", "start"),
    ),
    "os-provisioning-timed-out": Fault(
        "The create of a VM fails although it runs: its guest did not report in time.",
        _ERRORS,
        Fail(code="OSProvisioningTimedOut", running=True),
    ),
    "internal-operation-error": Fault(
        "The create of a VM is aborted by Azure. The VM is left Failed.",
        "Azure documentation, states and billing of virtual machines",
        Fail(code="InternalOperationError"),
    ),
    "operation-preempted": Fault(
        "The create of a VM is preempted by another operation. The VM is left Failed.",
        "kubernetes/autoscaler#9505",
        Fail(code="OperationPreempted"),
    ),
    "throttled": Fault(
        "Every call about a VM is refused, with `Retry-After` of 10 seconds: too many requests of the subscription.",
        "Azure documentation, ARM request limits",
        Refuse(code="SubscriptionRequestsThrottled", retry_after=10),
        (),
    ),
    "throttled-by-compute": Fault(
        "Every call about a VM is refused in the form of the compute provider, with `Retry-After` of 20 minutes.",
        _THROTTLING,
        Refuse(
            code="OperationNotAllowed:throttled",
            details=({"code": "TooManyRequests", "target": "PutVM3Min", "message": json.dumps(_SPENT)},),
            headers={"x-ms-ratelimit-remaining-resource": "Microsoft.Compute/PutVM3Min;0"},
            retry_after=1200,
            bare=True,
        ),
        (),
    ),
    "retryable-error": Fault(
        "The create of a network interface is refused: a resource that it refers to is not ready.",
        "terraform-provider-azurerm#21293",
        Refuse(
            code="RetryableError",
            details=({"code": "ReferencedResourceNotProvisioned", "message": _NOT_READY},),
            retry_after=10,
        ),
        path="*/networkInterfaces/{vm}*",
    ),
    "expired-token": Fault(
        "Every call whose path names the VM, or without a VM every call, is refused: the token has expired.",
        "ARM RPC, common-api-details",
        Refuse(code="ExpiredAuthenticationToken"),
        (),
        "*{vm}*",
    ),
    "authorization-failed": Fault(
        "Every write about a VM is refused: the principal lacks the permission.",
        "Azure documentation, troubleshoot common Azure deployment errors",
        Refuse(code="AuthorizationFailed"),
        ("create", "update", "delete", "start", "restart", "powerOff", "deallocate"),
    ),
    "created-then-504": Fault(
        "The VM is created, but the answer is lost by a gateway's timeout.",
        "pulumi-azure-native#4761",
        Lose(),
    ),
    "stuck-operation": Fault(
        "The create of a VM does not end until the faults are cleared.",
        "pulumi#7036",
        Stick(),
    ),
}
REPLICA_LAG = Fault(
    "Reads and lists do not show what was just made: the replica that answers is behind.",
    "terraform-provider-azurerm#18268, pulumi-azure-native#3138",
    Lag(seconds=30),
    ("read",),
    "*",
)
"""A fault that depends on time and not on a call, so it has a command of its own."""

IN_GUESTS: dict[str, Fault] = {
    "guest-never-up": Fault(
        "A VM runs, but its guest does not start: its create fails, and nothing listens at its port.",
        "Azure documentation, troubleshoot Linux VM boot problems",
        InGuest(create=Fail(code="OSProvisioningTimedOut", running=True)),
        (),
    ),
    "guest-silent": Fault(
        "A VM accepts connections, and sends nothing.",
        "Azure documentation, troubleshoot SSH connections",
        InGuest(),
        (),
    ),
    "guest-hangs-on-shutdown": Fault(
        "A guest ignores its shutdown: it is killed after five seconds.",
        "Azure documentation, states and billing of virtual machines",
        InGuest(),
        (),
    ),
    "guest-panics": Fault(
        "All processes in a VM are dead, and its connections are closed; Azure reports that it runs.",
        "Azure documentation, how to troubleshoot a kernel panic in Linux VMs",
        InGuest(),
        (),
    ),
    "guest-shuts-down": Fault(
        "A VM shuts itself down as soon as it has booted: it is stopped, and still billed.",
        "Azure documentation, states and billing of virtual machines",
        InGuest(),
        (),
    ),
    "ssh-refused": Fault(
        "Connections to a VM are reset when they are made.",
        "Azure documentation, troubleshoot SSH connections",
        InGuest(),
        (),
    ),
    "ssh-cut": Fault(
        "A connection to a VM breaks after a number of bytes.",
        "Azure documentation, troubleshoot SSH connections",
        InGuest(after=10_000),
        (),
    ),
}
"""The faults inside a VM: they strike no call, and stay in force until they are cleared."""

INCIDENTS: dict[str, Incident] = {
    "spot-eviction": Incident("Azure evicts a Spot VM, after its notice of 30 seconds.", "POST", "/simulateEviction"),
    "deleted-behind-our-back": Incident("Somebody else deletes the VM.", "DELETE"),
    "stopped-behind-our-back": Incident("Somebody else stops the VM.", "POST", "/powerOff"),
    "resized-behind-our-back": Incident(
        "Somebody else changes the VM to a bigger and dearer size.",
        "PATCH",
        "",
        {"properties": {"hardwareProfile": {"vmSize": "Standard_D8s_v5"}}},
    ),
    "retagged-behind-our-back": Incident(
        "Somebody else replaces the VM's tags.", "PATCH", "", {"tags": {"team": "other", OWNER_TAG: "somebody-else"}}
    ),
}
