"""Grids of pictures of samples.

Begin with `grid` (the widget) and `painter`; `wall` is a grid with a title for other views.
"""
