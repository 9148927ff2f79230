"""Makes the pictures of the page in docs/images/page: `make screenshots`."""
