"""Where a VM may be: places, which of them a refusal blocks, and which is tried next. Pure: makes no calls."""
