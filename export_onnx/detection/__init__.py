"""Exports detectors to ONNX, with NMS inside the graph, and compares them with their own `predict`."""
