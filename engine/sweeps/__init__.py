"""Several studies as one job: batches, grids of settings, the paper's tables.

Begin with `sweep` (a grid) and `reproduce` (a preset of the paper over several seeds).
"""
