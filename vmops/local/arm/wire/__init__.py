"""The wire protocol: messages, pages, API versions."""
