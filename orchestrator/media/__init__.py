"""Reads, converts and writes media files. Only this package imports av."""
