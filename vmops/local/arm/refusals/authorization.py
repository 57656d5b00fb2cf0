"""The refusals of Microsoft.Authorization: code → status and words.

Source: Azure-Landing-Zones#3419 and #833, azure-powershell#16627, azure-cli#8599, and users of azurerm.
"""

REFUSALS = {
    "InvalidRoleAssignmentId": (
        400,
        "The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID.",
    ),
    "InvalidPrincipalId": (400, "The Principal ID '{principal}' is not valid. Principal ID must be a GUID."),
    "RoleAssignmentExists": (409, "The role assignment already exists."),
    "RoleAssignmentNotFound": (404, "The role assignment '{name}' is not found."),
    "RoleAssignmentUpdateNotPermitted": (
        400,
        "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
    ),
    "RoleDefinitionDoesNotExist": (404, "The specified role definition with ID '{name}' does not exist."),
}
