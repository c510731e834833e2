"""Charts: curves, scatters, matrices and histograms.

Begin with `chart`.
"""
