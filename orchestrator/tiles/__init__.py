"""Tile geometry. It knows pictures and integers, not models, servers or videos."""
