"""The table of routes: method and path template → handler."""

from collections.abc import Callable, Iterator

from vmops.local.arm.data.absent import ABSENT
from vmops.local.arm.deployments import handlers as deployments
from vmops.local.arm.handlers import (
    absent,
    groups,
    guests,
    images,
    locks,
    machines,
    operations,
    providers,
    resources,
    roles,
    skus,
    tags,
    usages,
)
from vmops.local.arm.models import KINDS, Kind
from vmops.local.arm.models.locks import PATH as LOCKS
from vmops.local.arm.models.roles import ASSIGNMENTS, DEFINITIONS
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.wire.messages import Call, Reply

Handler = Callable[[Cloud, Call], Reply]
Route = tuple[str, str, Handler]

_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_COMPUTE = f"{_SUBSCRIPTION}/providers/Microsoft.Compute/locations/{{location}}"
_NETWORK = f"{_SUBSCRIPTION}/providers/Microsoft.Network/locations/{{location}}"
_MACHINE = f"{_GROUP}/providers/Microsoft.Compute/virtualMachines/{{virtualMachines}}"
_IDENTITY = f"{_GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{{userAssignedIdentities}}"
_PUBLISHERS = f"{_COMPUTE}/publishers"
_OFFERS = f"{_PUBLISHERS}/{{publisher}}/artifacttypes/vmimage/offers"
_FIXED: tuple[Route, ...] = (
    ("GET", "/subscriptions", groups.list_subscriptions),
    ("GET", _SUBSCRIPTION, groups.get_subscription),
    ("GET", "/tenants", groups.list_tenants),
    ("GET", f"{_SUBSCRIPTION}/locations", groups.list_locations),
    ("GET", f"{_SUBSCRIPTION}/resources", groups.list_resources),
    ("GET", f"{_SUBSCRIPTION}/resourceGroups", groups.list_groups),
    ("PUT", _GROUP, resources.put),
    ("GET", _GROUP, resources.get),
    ("HEAD", _GROUP, groups.head_group),
    ("PATCH", _GROUP, resources.patch),
    ("DELETE", _GROUP, resources.delete),
    ("GET", f"{_GROUP}/resources", groups.list_group_resources),
    ("GET", f"{_SUBSCRIPTION}/operationresults/{{operation}}", operations.get_result),
    ("GET", f"{_NETWORK}/operations/{{operation}}", operations.get_status),
    ("GET", f"{_NETWORK}/operationResults/{{operation}}", operations.get_result),
    ("GET", f"{_COMPUTE}/operations/{{operation}}", operations.get_status),
    ("GET", f"{_SUBSCRIPTION}/providers/Microsoft.Compute/skus", skus.list_skus),
    ("GET", _PUBLISHERS, images.list_publishers),
    ("GET", _OFFERS, images.list_offers),
    ("GET", f"{_OFFERS}/{{offer}}/skus", images.list_skus),
    ("GET", f"{_OFFERS}/{{offer}}/skus/{{sku}}/versions", images.list_versions),
    ("GET", f"{_OFFERS}/{{offer}}/skus/{{sku}}/versions/{{version}}", images.get_version),
    ("GET", f"{_COMPUTE}/communityGalleries/{{gallery}}/images/{{image}}", images.get_community_image),
    ("GET", f"{_COMPUTE}/vmSizes", machines.list_sizes),
    ("GET", f"{_COMPUTE}/usages", usages.list_of_compute),
    ("GET", f"{_NETWORK}/usages", usages.list_of_network),
    ("GET", f"{_COMPUTE}/virtualMachines", machines.list_machines_in_location),
    ("GET", _MACHINE, machines.get_machine),
    ("GET", f"{_MACHINE}/instanceView", machines.get_instance_view),
    ("GET", f"{_MACHINE}/vmSizes", machines.list_machine_sizes),
    ("POST", f"{_MACHINE}/start", machines.act),
    ("POST", f"{_MACHINE}/powerOff", machines.act),
    ("POST", f"{_MACHINE}/restart", machines.act),
    ("POST", f"{_MACHINE}/deallocate", machines.act),
    ("POST", f"{_MACHINE}/redeploy", machines.act),
    ("POST", f"{_MACHINE}/reapply", machines.act),
    ("POST", f"{_MACHINE}/attachDetachDataDisks", machines.attach_detach),
    ("POST", f"{_MACHINE}/generalize", machines.generalize),
    ("POST", f"{_MACHINE}/simulateEviction", machines.simulate_eviction),
    ("DELETE", _IDENTITY, resources.delete_at_once),
)
# Verbs and children of a machine that need a guest.
_GUEST_VERBS = (
    *("runCommand", "capture", "reimage", "retrieveBootDiagnosticsData", "assessPatches", "installPatches"),
    *("performMaintenance", "convertToManagedDisks", "migrateToVirtualMachineScaleSet"),
)
_GUEST_CHILDREN = ("extensions", "runCommands")


def _guest_routes() -> Iterator[Route]:
    """List the routes that are refused because they need an agent in a guest."""
    for verb in _GUEST_VERBS:
        yield ("POST", f"{_MACHINE}/{verb}", guests.refuse)
    for kind in _GUEST_CHILDREN:
        yield ("GET", f"{_MACHINE}/{kind}", guests.list_none)
        yield ("GET", f"{_MACHINE}/{kind}/{{child}}", guests.get_none)
        yield ("DELETE", f"{_MACHINE}/{kind}/{{child}}", guests.delete_none)
        yield from ((method, f"{_MACHINE}/{kind}/{{child}}", guests.refuse) for method in ("PUT", "PATCH"))


def _provider_routes() -> Iterator[Route]:
    """List the routes about the resource providers themselves."""
    yield ("GET", f"{_SUBSCRIPTION}/providers", providers.list_providers)
    for namespace in providers.NAMESPACES:
        yield ("GET", f"{_SUBSCRIPTION}/providers/{namespace}", providers.get_provider)
        yield ("POST", f"{_SUBSCRIPTION}/providers/{namespace}/register", providers.get_provider)
    yield ("GET", f"{_SUBSCRIPTION}/providers/{{namespace}}", providers.get_other)
    yield ("POST", f"{_SUBSCRIPTION}/providers/{{namespace}}/register", providers.register_other)


def _absent_routes() -> Iterator[Route]:
    """List the routes of types that the local Azure has no resources of."""
    for kind in ABSENT:
        many = f"/providers/{kind}"
        whole = f"{_GROUP}{many}/{{{kind.rpartition('/')[2]}}}"
        yield ("GET", _SUBSCRIPTION + many, absent.list_none)
        yield ("GET", _GROUP + many, absent.list_none)
        yield ("GET", whole, absent.get_none)
        yield ("DELETE", whole, absent.delete_none)
        yield ("PUT", whole, absent.put_none)


def _deployment_routes() -> Iterator[Route]:
    """List the routes of template deployments to a group. Paths of their operations may lack the provider."""
    many = f"{_GROUP}/providers/Microsoft.Resources/deployments"
    whole = f"{many}/{{deployment}}"
    yield ("GET", many, deployments.list_deployments)
    yield ("PUT", whole, deployments.put)
    yield ("GET", whole, deployments.get)
    yield ("HEAD", whole, deployments.head)
    yield ("DELETE", whole, deployments.delete)
    yield ("GET", f"{whole}/operationStatuses/{{operation}}", deployments.get_status)
    yield ("POST", f"{whole}/validate", deployments.validate)
    yield ("POST", f"{whole}/cancel", deployments.cancel)
    yield ("POST", f"{whole}/exportTemplate", deployments.export_template)
    yield ("POST", f"{whole}/whatIf", deployments.refuse_what_if)
    for base in (whole, f"{_GROUP}/deployments/{{deployment}}"):
        yield ("GET", f"{base}/operations", deployments.list_operations)
        yield ("GET", f"{base}/operations/{{operation}}", deployments.get_operation)


def _tag_routes(whole: str) -> Iterator[Route]:
    """List the routes of the tags at a path."""
    yield ("GET", whole + tags.SUFFIX, tags.get)
    yield ("PUT", whole + tags.SUFFIX, tags.put)
    yield ("PATCH", whole + tags.SUFFIX, tags.patch)
    yield ("DELETE", whole + tags.SUFFIX, tags.delete)


def _lock_routes(scope: str) -> Iterator[Route]:
    """List the routes of the locks at a path."""
    yield ("GET", scope + LOCKS, locks.list_locks)
    yield ("GET", f"{scope}{LOCKS}/{{lock}}", locks.get)
    yield ("PUT", f"{scope}{LOCKS}/{{lock}}", locks.put)
    yield ("DELETE", f"{scope}{LOCKS}/{{lock}}", locks.delete)


def _role_routes(scope: str) -> Iterator[Route]:
    """List the routes of the role assignments at a path, and of the roles that can be assigned there."""
    yield ("GET", scope + ASSIGNMENTS, roles.list_assignments)
    yield ("GET", f"{scope}{ASSIGNMENTS}/{{assignment}}", roles.get)
    yield ("PUT", f"{scope}{ASSIGNMENTS}/{{assignment}}", roles.put)
    yield ("DELETE", f"{scope}{ASSIGNMENTS}/{{assignment}}", roles.delete)
    yield from _definition_routes(scope)


def _definition_routes(scope: str) -> Iterator[Route]:
    """List the routes of the roles that can be assigned at a path."""
    yield ("GET", scope + DEFINITIONS, roles.list_definitions)
    yield ("GET", f"{scope}{DEFINITIONS}/{{role}}", roles.get_definition)


def _resource_routes(kind: Kind) -> Iterator[Route]:
    """List the routes that every resource type has."""
    provider, *types = kind.type.split("/")
    whole = f"/providers/{provider}" + "".join(f"/{name}/{{{name}}}" for name in types)
    many = whole.rpartition("/")[0]
    yield ("PUT", _GROUP + whole, resources.put)
    yield ("GET", _GROUP + whole, resources.get)
    yield ("DELETE", _GROUP + whole, resources.delete)
    yield from _lock_routes(_GROUP + whole)
    yield from _role_routes(_GROUP + whole)
    if len(types) > 1:
        yield ("GET", _GROUP + many, resources.list_children)
    else:
        yield ("PATCH", _GROUP + whole, resources.patch)
        yield from _tag_routes(_GROUP + whole)
        yield ("GET", _GROUP + many, resources.list_in_group)
        yield ("GET", _SUBSCRIPTION + many, resources.list_in_subscription)


# If two rows have the same path, the later one counts.
TABLE: tuple[Route, ...] = (
    *(route for kind in KINDS for route in _resource_routes(kind)),
    *_tag_routes(_GROUP),
    *_lock_routes(_SUBSCRIPTION),
    *_lock_routes(_GROUP),
    *_role_routes(_SUBSCRIPTION),
    *_role_routes(_GROUP),
    *_definition_routes(""),
    *_absent_routes(),
    *_guest_routes(),
    *_provider_routes(),
    *_deployment_routes(),
    *_FIXED,
)
