"""Signal processing on NumPy arrays, independent of the rest of the package."""
