"""Faults on request: they make the simulated cloud fail as the real one does, at calls that a test chooses."""
