"""The room that talks to Triton: the only importers of tritonclient."""
