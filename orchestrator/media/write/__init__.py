"""Writes media files: encodes frames, and copies sound, subtitles and metadata from the source."""
