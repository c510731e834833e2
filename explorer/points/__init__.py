"""Many points at once: a raster of them, panning, picking and the lasso.

Begin with `pane` (the widget) and `raster` (how 60,000 points are drawn).
"""
