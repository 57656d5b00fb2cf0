"""The shapes of requests: for each resource type the names that ARM knows, with their types and allowed words."""
