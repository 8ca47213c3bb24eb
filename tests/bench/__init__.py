"""Benchmarks: `python -m tests.bench` measures here and now, prints, and writes docs/benchmarks.md."""
