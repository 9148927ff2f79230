"""Measures speed, memory and start-up beside peers, and writes docs/benchmarks.md: `make bench`."""
