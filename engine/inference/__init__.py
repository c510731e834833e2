"""Accelerated inference with frozen models whose predictions stay those of plain float32.

Begin with `evaluator`; `folding` rewrites a network for inference using the graph that `tracing`
records.
"""
