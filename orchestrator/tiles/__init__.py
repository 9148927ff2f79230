"""Cuts pictures into tiles with halos, puts results together, finds unchanged tiles and plans letterboxes."""
