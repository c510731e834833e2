"""The use cases: get a result from the store, or compute it and put it there.

Begin with `pipeline.Pipeline`, the single entry point for command line and window; `models` trains,
stores and loads the models of a study, `epoch_recorder` watches them while they unlearn, `bundle`
packs a study into one file.
"""
