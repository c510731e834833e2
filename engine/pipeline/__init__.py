"""The use cases: get a result from the store, or compute it and put it there.

Begin with `pipeline.Pipeline`, the one door for command line and window; `models` trains, keeps and
loads the models of a study, `epoch_recorder` watches them while they unlearn, `bundle` is a study
in one file.
"""
