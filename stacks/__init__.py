"""The Pulumi programs of vmops, which declare its resources."""
