"""The Pulumi engine: finding, installing, running it, and cleaning up after it."""
