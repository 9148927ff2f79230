"""Converts networks of ncnn, to PyTorch's tensors, without either of the two packages."""
