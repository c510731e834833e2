"""Views of finished studies that tables, figures and the window share, in plain numpy.

Begin with `model_table` (every number of every model), `sample_table` (predictions, r and verdict
of every sample) and `curves` (everything plotted against tau); `finding` puts what they show into a
sentence for each model; `ranking`, `filters` and `pareto` select from them.
"""
