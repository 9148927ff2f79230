"""Measures how many requests the API answers under `wrangler dev`, and what they cost."""
