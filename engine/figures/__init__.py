"""Publication figures: each kind in a file, drawn by matplotlib from plain arrays.

Begin with `catalog` (every kind there is, and what it needs); `canvas` alone knows matplotlib.
"""
