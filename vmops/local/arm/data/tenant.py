"""The one tenant of the simulated cloud, and the subscription that it has from the start."""

TENANT = "00000000-0000-0000-0000-000000000000"
