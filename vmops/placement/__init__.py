"""Where a VM may be: places, what a refusal says against which of them, and which is tried next. Pure: asks nobody."""
