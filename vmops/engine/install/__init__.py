"""Finds the Pulumi engine, downloads it by its official installer, or builds it from its Go modules."""
