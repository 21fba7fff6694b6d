"""One benchmark per kernel: `python -m benchmarks.NAME [--json]`."""
