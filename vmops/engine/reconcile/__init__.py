"""The engine's state brought in line with Azure after something was cut off."""
