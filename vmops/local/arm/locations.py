"""The places where the simulated cloud has a region.

Source: recorded lists of available regions (ARM's LocationNotAvailableForResourceGroup answer).
"""

LOCATIONS = (  # noqa: SIM905 - a column of forty words hides them
    "australiacentral australiaeast australiasoutheast brazilsouth canadacentral canadaeast centralindia centralus "
    "eastasia eastus eastus2 francecentral germanywestcentral israelcentral italynorth japaneast japanwest "
    "koreacentral koreasouth mexicocentral newzealandnorth northcentralus northeurope norwayeast polandcentral "
    "qatarcentral southafricanorth southcentralus southeastasia southindia spaincentral swedencentral "
    "switzerlandnorth uaenorth uksouth ukwest westcentralus westeurope westindia westus westus2 westus3"
).split()


def canonical(location: str) -> str:
    """Write a location as ARM does: ``West US 2`` is ``westus2``."""
    return location.replace(" ", "").lower()
