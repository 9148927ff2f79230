"""Boxes of single frames become tracks. It knows boxes, times and gray pictures, not models or videos."""
