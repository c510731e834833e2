"""From what a person asks for to a complete study, and the keys of everything in it.

Begin with `plan` (every result of a study: its key, kind, needs and cost) and `compose` (a RunSpec
from words); `command_line` writes a study as the line that makes it.
"""
