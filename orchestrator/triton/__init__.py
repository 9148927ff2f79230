"""Runs and talks to NVIDIA Triton. This is the only room that imports tritonclient."""
