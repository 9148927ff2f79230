"""Runs frames through a model that Triton serves: an upscaler takes tiles, a detector takes batches."""
