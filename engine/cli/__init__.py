"""The command line `rk-engine`.

Begin with `parser` (the grammar) and `commands` (one function per command).
"""
