"""The deployment of a fleet: which members exist, which are made, and which run afterwards."""
