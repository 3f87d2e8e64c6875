"""Detectors from outside: ONNX and TorchScript files, hub models and external programs."""
