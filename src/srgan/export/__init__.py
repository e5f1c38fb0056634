"""From weights to deployable files: ONNX, and its parity with PyTorch."""
