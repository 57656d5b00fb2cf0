"""The Pulumi engine: finds, installs and runs it, and repairs its state after a crash."""
