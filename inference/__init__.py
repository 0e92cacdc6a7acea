"""Running networks: engines (torch, ONNX Runtime, TensorRT) and checked, cached weights."""
