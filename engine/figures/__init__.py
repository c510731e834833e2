"""Publication figures: one file per kind, drawn with matplotlib from plain arrays.

Begin with `catalog` (every kind of figure, and what it needs); `canvas` holds the shared style,
page layout and output.
"""
