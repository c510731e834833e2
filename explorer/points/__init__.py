"""Many points at once: a raster of them, pictures and names over it, panning, picking, the lasso.

Begin with `pane` (the widget), `raster` (how 60,000 points are drawn), and `pictures`.
"""
