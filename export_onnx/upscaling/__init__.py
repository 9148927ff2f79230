"""Exports super-resolution networks to ONNX, and compares them with PyTorch."""
