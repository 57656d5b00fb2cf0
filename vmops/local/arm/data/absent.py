"""Types that Azure has and the local Azure has no resources of: gets find nothing, and their lists are empty.

Source: azure-rest-api-specs, the lists that Microsoft.Compute and Microsoft.Network have by group and by subscription.
"""

_COMPUTE = (
    *("availabilitySets", "capacityReservationGroups", "diskAccesses", "diskEncryptionSets"),
    *("hostGroups", "restorePointCollections", "snapshots", "sshPublicKeys"),
    "virtualMachineScaleSets",
)
_NETWORK = (
    *("applicationGateways", "applicationSecurityGroups", "loadBalancers", "natGateways", "networkWatchers"),
    *("privateEndpoints", "publicIPPrefixes", "routeTables", "virtualNetworkGateways"),
)
ABSENT = (*(f"Microsoft.Compute/{kind}" for kind in _COMPUTE), *(f"Microsoft.Network/{kind}" for kind in _NETWORK))
