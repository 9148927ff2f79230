"""Compares our tracker with its peers: `python -m benchmarks.tracker.quality` and `.speed`."""
