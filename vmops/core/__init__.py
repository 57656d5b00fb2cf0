"""What every storey stands on: errors, failures, times, polling, locks, processes, keys, settings and paths."""
