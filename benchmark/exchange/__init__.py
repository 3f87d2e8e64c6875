"""Exchange with other tools: scores, audio, spectrograms and ONNX files."""
