"""The Python interface: a model and data of your own, measured and unlearned by the same engine.

Begin with `measurement` (`engine.residual_knowledge`, from a model to counts) and `knowledge` (what
comes back: curve, verdicts, figure, data frame). `saving` puts a result into a store, where the
window shows it; `studies` reads a store (`engine.open`), and `unlearning` runs one method
(`engine.unlearn`). `given_models` and `given_samples` check what is handed in.
"""
