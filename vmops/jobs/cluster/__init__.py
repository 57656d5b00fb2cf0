"""Many hosts, one set of records: PostgreSQL keeps them, says who may write, and spreads the work."""
