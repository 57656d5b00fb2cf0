"""The refusals of ARM's front door, before a provider is called: code → status and words."""

REFUSALS = {
    "AuthenticationFailed": (401, "Authentication failed. The 'Authorization' header is missing."),
    "MissingApiVersionParameter": (
        400,
        "The api-version query parameter (?api-version=) is required for all requests.",
    ),
    "InvalidApiVersionParameter": (
        400,
        "The api-version '{version}' is invalid. The supported versions are '{known}'.",
    ),
    "InvalidSubscriptionId": (400, "The provided subscription identifier '{subscription}' is malformed or invalid."),
    "SubscriptionRequestsThrottled:empty": (
        429,
        "Number of '{kind}' requests for subscription '{subscription}' actor 'local' exceeded. Please try again after "
        "'{seconds}' seconds after additional tokens are available.",
    ),
    "InternalServerError": (500, "The simulated cloud has a fault: {reason}"),
    "InvalidRequestContent": (400, "The request content was invalid and could not be deserialized: '{reason}'."),
    "InvalidFilterInQueryString": (400, "Invalid $filter '{filter}' specified in the query string."),
    "InvalidResourceNamespace": (
        404,
        "The resource namespace '{namespace}' is invalid. It is the local Azure that does not have it: {known}.",
    ),
    "InvalidResourceType": (
        404,
        "The resource type '{type}' could not be found in the namespace '{namespace}' for api version '{version}'. "
        "It is the local Azure that does not have it.",
    ),
    "MethodNotAllowed": (405, "The requested resource does not support http method '{method}'."),
    "LocationRequired": (400, "The location property is required for this definition."),
    "LocationNotAvailableForResourceGroup": (
        400,
        "The provided location '{location}' is not available for resource group. "
        "List of available regions is '{known}'.",
    ),
    "LocationNotAvailableForResourceType": (
        400,
        "The provided location '{location}' is not available for resource type '{type}'. "
        "List of available regions for the resource type is '{known}'.",
    ),
    "ResourceTypeNotSupportAvailabilityZones": (
        400,
        "The resource type '{type}' does not support availability zones at location '{location}' and api-version "
        "'{version}'.",
    ),
    "InvalidAvailabilityZone": (
        400,
        "The zone(s) '{zones}' for resource '{type}/{name}' is not supported. The supported zones for location "
        "'{location}' are '{known}'",
    ),
    "InvalidResourceGroupLocation": (
        409,
        "Invalid resource group location '{new}'. The Resource group already exists in location '{old}'.",
    ),
    "InvalidResourceLocation": (
        409,
        "The resource '{name}' already exists in location '{old}' in resource group '{group}'. A resource with the "
        "same name cannot be created in location '{new}'. Please select a new resource name.",
    ),
    "ResourceGroupNotFound": (404, "Resource group '{group}' could not be found."),
    "ResourceGroupBeingDeleted": (
        409,
        "The resource group '{group}' is in deprovisioning state and cannot perform this operation.",
    ),
    "ResourceGroupDeletionBlocked": (
        409,
        "Deletion of resource group '{group}' failed as resources with identifiers '{names}' could not be deleted. The "
        "provisioning state of the resource group will be rolled back. The tracking Id is '{tracking}'. Please check "
        "audit logs for more details.",
    ),
    "RequestDisallowedByPolicy": (
        403,
        "Resource '{name}' was disallowed by policy. Policy identifiers: '{identifiers}'.",
    ),
    "ScopeLocked": (
        409,
        "The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked: '{locked}'. "
        "Please remove the lock and try again.",
    ),
    "InvalidTemplate": (400, "Deployment template validation failed: '{reason}'."),
    "InvalidTemplate:resource": (
        400,
        "Unable to process template language expressions for resource '{id}'. '{reason}'",
    ),
    "DeploymentNotFound": (404, "Deployment '{name}' could not be found."),
    "DeploymentOperationNotFound": (404, "The deployment operation '{name}' could not be found."),
    "DeploymentActive": (
        409,
        "Unable to edit or replace deployment '{name}': previous deployment from '{since}' is still active (expiration "
        "time is '{expires}'). Please see https://aka.ms/arm-deploy for usage details.",
    ),
    "DeploymentActive:delete": (409, "Unable to delete deployment '{name}': it is still active, or being deleted."),
    "DeploymentCannotBeCancelled": (
        409,
        "The deployment '{name}' cannot be cancelled because it has provisioning state '{state}' or it has already "
        "expired (expiration time is '{expires}').",
    ),
    "DeploymentFailed": (
        409,
        "At least one resource deployment operation failed. Please list deployment operations for details. Please see "
        "https://aka.ms/arm-deployment-operations for usage details.",
    ),
    "ResourceDeploymentFailure": (
        409,
        "The resource write operation failed to complete successfully, because it reached terminal provisioning state "
        "'Failed'.",
    ),
    "DeploymentOutputEvaluationFailed": (
        400,
        "Unable to evaluate template outputs: '{name}'. Please see error details and deployment operations. Please see "
        "https://aka.ms/arm-common-errors for usage details.",
    ),
    "DeploymentOutputEvaluationFailed:one": (400, "The template output '{name}' is not valid: {reason}"),
    "DeploymentForgotten": (
        409,
        "The local Azure was given another token since, and cannot read any more what this deployment was asked to do.",
    ),
    "NotSupported": (400, "The local Azure does not know {what} and does nothing of it."),
    "LockNotFound": (404, "The lock '{name}' could not be found."),
    "FailedIdentityOperation": (
        400,
        "Identity operation for resource '{id}' failed with error 'Failed to perform resource identity operation. "
        'Status: \'BadRequest\'. Response: \'{{"error":{{"code":"BadRequest","message":"Resource \'{identity}\' '
        "was not found.\"}}}}'.'.",
    ),
    "ResourceNotFound": (
        404,
        "The Resource '{type}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    ),
    "ParentResourceNotFound": (
        404,
        "Can not perform requested operation on nested resource. Parent resource '{parent}' not found.",
    ),
}
