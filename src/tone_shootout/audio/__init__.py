"""Signal code: NumPy in, NumPy out."""
