"""The simulated Microsoft Entra ID: where real clients learn of the cloud, log in, and get the tokens they bring."""

from vmops.local.arm.identity.door import IdentityDoor

__all__ = ["IdentityDoor"]
