"""Faults on request: what makes the simulated cloud as unreliable as the real one, at the calls that a test chooses."""
