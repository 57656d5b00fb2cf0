"""The seven methods, and the verbs beside them."""
