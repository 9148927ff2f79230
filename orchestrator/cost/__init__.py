"""Estimates what a job will cost, and calculates what it did cost, from a table of prices and speeds."""
