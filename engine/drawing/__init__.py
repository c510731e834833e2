"""What figures and screen share: labels, colors, geometry, and where labels of points go.

Begin with `labels` (what perturbations, models and axes are called) and `palette`.
"""
