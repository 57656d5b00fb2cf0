"""The parameters that a VM is made by, sorted by what they are about."""
