"""Compose a complete study from user input, and derive the keys of everything in it.

Start with `plan` (every result of a study: its key, kind, needs and cost) and `compose` (a RunSpec
from user input); `command_line` writes a study as the command that makes it.
"""
