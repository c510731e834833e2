"""The command line `rk-engine`.

Begin with `parser` (the grammar) and `commands` (what each command does).
"""
