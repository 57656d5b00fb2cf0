"""Azure Policy, as far as a create or a teardown meets it: rules that deny a write, or add tags to it."""
