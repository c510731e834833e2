"""`rk-engine` on the command line: begin with `parser`, its grammar.

What each command does is in `commands`, imported with nothing heavy.
"""
