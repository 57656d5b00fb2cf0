"""The locations in which the simulated cloud has a region.

Source: recorded lists of available regions (ARM's LocationNotAvailableForResourceGroup answer), and Microsoft's lists
of regions and of those with availability zones.
"""


def canonical(location: str) -> str:
    """Write a location as ARM does: ``West US 2`` is ``westus2``."""
    return location.replace(" ", "").lower()


_NAMES = """
Australia Central, Australia East, Australia Southeast, Brazil South, Canada Central, Canada East, Central India,
Central US, East Asia, East US, East US 2, France Central, Germany West Central, Israel Central, Italy North,
Japan East, Japan West, Korea Central, Korea South, Mexico Central, New Zealand North, North Central US, North Europe,
Norway East, Poland Central, Qatar Central, South Africa North, South Central US, Southeast Asia, South India,
Spain Central, Sweden Central, Switzerland North, UAE North, UK South, UK West, West Central US, West Europe,
West India, West US, West US 2, West US 3
"""
# location → its display name
DISPLAY_NAMES = {canonical(name): name.strip() for name in _NAMES.replace("\n", " ").split(",")}
LOCATIONS = list(DISPLAY_NAMES)
_WITHOUT_ZONES = frozenset(
    canonical(name)
    for name in (
        *("Australia Central", "Australia Southeast", "Canada East", "Korea South", "North Central US"),
        *("South India", "UK West", "West Central US", "West India", "West US"),
    )
)


def zones(location: str) -> list[str]:
    """List the availability zones of a location."""
    return [] if location in _WITHOUT_ZONES else ["1", "2", "3"]
