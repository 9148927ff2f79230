"""Weights become ONNX models in the model repository, with parity proved. PyTorch lives here only."""
