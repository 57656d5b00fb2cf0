"""Faults on request: they make the simulated cloud as unreliable as the real one, at calls that a test chooses."""
