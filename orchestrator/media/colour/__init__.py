"""Converts pixels: YUV and RGB, HDR and SDR, sizes, chroma locations and alpha."""
