"""The one tenant of the simulated cloud, and its subscription that is there before anything is."""

TENANT = "00000000-0000-0000-0000-000000000000"
