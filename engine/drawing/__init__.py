"""What figures and the screen share: labels, colors, geometry, and label placement.

Start with `labels` (names of perturbations, models and axes) and `palette`.
"""
