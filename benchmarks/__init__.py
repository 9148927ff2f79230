"""Measures speed, memory and quality: each benchmark runs as `python -m benchmarks.NAME`."""
