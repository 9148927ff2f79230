"""Reads media files: what a file is, and its frames in presentation order. It imports no writer."""
