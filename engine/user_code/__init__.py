"""Calls into networks that somebody else wrote, and what they may leave changed in the process.

Begin with `calls` (errors become sentences); `global_state` and `patches` notice and undo what such
code changes for everybody, `randomness` gives it random numbers of the study's own.
"""
