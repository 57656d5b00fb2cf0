"""The rate limits of the local Azure."""
