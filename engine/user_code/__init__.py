"""Calls into user-defined networks, and protection against their side effects on the process.

Begin with `calls` (errors become clear messages); `global_state` and `patches` detect and revert
process-wide changes made by such code, `randomness` gives it random numbers from the study's seed.
"""
