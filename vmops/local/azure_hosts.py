"""The hosts of the public Azure in whose place the local Azure answers, for clients that know no others."""

RESOURCE_MANAGER = "management.azure.com"

LOGINS = ("login.microsoftonline.com", "login.windows.net")
"""Where tenants log in: the name that Microsoft Entra ID has now, and the one that ARM still names when it asks for a
token. Source: MSAL, its aliases of the public cloud; ARM's ``WWW-Authenticate``.
"""

PRICES = "prices.azure.com"
"""Where the price list is. Source: Azure documentation, Azure Retail Prices."""

HOSTS = (RESOURCE_MANAGER, *LOGINS, PRICES)
