"""The parameters that make a VM, grouped by topic."""
