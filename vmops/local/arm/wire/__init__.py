"""What goes over the wire: messages, pages, API versions."""
