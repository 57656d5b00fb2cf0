"""The hosts of the public Azure that the local Azure stands in for, for clients that know no others."""

RESOURCE_MANAGER = "management.azure.com"

LOGINS = ("login.microsoftonline.com", "login.windows.net")
"""The hosts where tenants log in: Microsoft Entra ID's present name, and the one that ARM still sends in its challenge.
Source: MSAL, its aliases of the public cloud; ARM's ``WWW-Authenticate``.
"""

PRICES = "prices.azure.com"
"""The host of the price list. Source: Azure documentation, Azure Retail Prices."""

HOSTS = (RESOURCE_MANAGER, *LOGINS, PRICES)
