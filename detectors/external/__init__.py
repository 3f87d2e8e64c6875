"""Detectors that come whole: ONNX and TorchScript files, hub models, programs."""
