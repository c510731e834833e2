"""What tables, figures and screen read from finished studies, in plain numpy.

Begin with `model_table` (every number of every model), `sample_table` (what is known of every
sample) and `curves` (what is drawn against tau); `ranking`, `filters` and `pareto` choose among
them.
"""
