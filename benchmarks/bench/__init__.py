"""`make bench`: how fast the product is, beside its ceiling and beside what users would pick instead."""
