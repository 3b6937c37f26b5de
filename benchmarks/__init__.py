"""The speed promises, measured: each file prints a table and is run by hand, ``python -m benchmarks.NAME``."""
