"""The shapes of identities and role assignments. Source: azure-rest-api-specs, of both."""

from vmops.local.arm.shapes.shape import parts, resource, words

IDENTITY = resource(parts("", "tenantId principalId clientId", isolationScope=words("None|Regional")))
ASSIGNMENT = parts(
    "",
    "id name type",
    properties=parts(
        "roleDefinitionId principalId description condition conditionVersion delegatedManagedIdentityResourceId",
        "scope createdOn updatedOn createdBy updatedBy",
        principalType=words("User|Group|ServicePrincipal|ForeignGroup|Device"),
    ),
)
