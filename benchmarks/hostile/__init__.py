"""Attacks on the worker: jobs, addresses, media files and kills. `python -m benchmarks.hostile --help`."""
