"""Programs that only developers run. No job needs them, and no image contains them."""
