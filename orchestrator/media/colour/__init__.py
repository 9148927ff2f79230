"""Converts decoded pictures: YUV to RGB, HDR to SDR, sizes, chroma locations and alpha."""
