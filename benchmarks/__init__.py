"""The costs of vmops and of its alternatives, measured side by side on the local Azure."""
