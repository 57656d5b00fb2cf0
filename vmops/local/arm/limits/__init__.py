"""How often the local Azure may be asked."""
