"""Benchmarks: our implementations against plain ones, in one run, on one machine and its models.

Begin with `command`; `catalog` lists the measurements.
"""
