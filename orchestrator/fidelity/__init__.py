"""Compares a finished output with its source, as every job does, and writes the report of `--report`."""
