"""Exports detectors to ONNX, with NMS inside the graph, and proves them against their own `predict`."""
