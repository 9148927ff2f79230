"""Turns the tracks of a video into its results: the JSON document, the overlay and the timeline picture."""
