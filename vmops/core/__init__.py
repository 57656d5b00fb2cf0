"""What every other package uses: errors, failures, times, polling, locks, processes, keys, settings and paths."""
