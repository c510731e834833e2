"""Frozen models made fast, with the answers of the plain ones.

Begin with `evaluator`; `folding` rearranges a network for inference along the graph that `tracing`
records.
"""
