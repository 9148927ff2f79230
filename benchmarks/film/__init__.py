"""Measures films in pieces, and simulates how well many workers are used."""
