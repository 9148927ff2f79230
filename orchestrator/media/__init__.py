"""Reads, converts and writes media files. Only this room imports av."""
