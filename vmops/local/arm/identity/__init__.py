"""The simulated Microsoft Entra ID: real clients discover the cloud there, log in, and get their tokens."""

from vmops.local.arm.identity.layer import IdentityLayer

__all__ = ["IdentityLayer"]
