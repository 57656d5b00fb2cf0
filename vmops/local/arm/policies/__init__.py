"""Azure Policy, as far as a teardown or a create has to meet it: rules that deny a write, or put tags into it."""
