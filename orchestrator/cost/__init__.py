"""Estimates the cost of a job, and calculates it afterwards, from a table of prices and speeds."""
