"""Which part of the picture is delivered, and how it moves: numbers and times, no pictures, no models."""
