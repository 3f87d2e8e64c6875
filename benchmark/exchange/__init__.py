"""Exchange with other tools: scores, audio, spectrograms, ONNX files."""
