"""The places where a VM may be, which of them a refusal blocks, and which is tried next. Pure functions."""
