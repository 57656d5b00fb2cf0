"""Several hosts that share records: PostgreSQL stores them, decides who may write, and distributes the work."""
