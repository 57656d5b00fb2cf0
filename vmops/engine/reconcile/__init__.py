"""Reconciles the engine's state with Azure after an interruption."""
