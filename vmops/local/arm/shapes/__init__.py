"""The shapes of requests: what ARM knows by name, of which type and in which words, for each resource type."""
