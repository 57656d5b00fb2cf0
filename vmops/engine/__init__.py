"""The Pulumi engine: found, installed, driven and cleaned up after."""
