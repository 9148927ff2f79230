"""Joins reading, inference, tracking and writing into the upscale, export and track jobs."""
