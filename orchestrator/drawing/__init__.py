"""Draws boxes, labels and charts on RGB arrays, and reads and writes picture files."""
