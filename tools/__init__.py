"""Contains programs for developers only. No job needs them, and no image contains them."""
