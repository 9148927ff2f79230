"""Runs and talks to NVIDIA Triton. This is the only package that imports tritonclient."""
