"""A fleet's deployment: who is there, who is to be made, and who runs in the end."""
