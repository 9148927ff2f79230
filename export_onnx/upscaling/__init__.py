"""Exports super-resolution networks to ONNX, and proves them against PyTorch."""
