"""What vmops costs beside what else a user has: measured side by side on the local Azure."""
