"""Residual knowledge: which models still recognize perturbed copies of forgotten samples.

Begin with `predictions` (predicted classes of copies, and counts) and `ratio` (r_tau, null band and
intervals). Then come `posterior` and `verdict` (single samples), `disagreement`, `allocation` (of
adaptive draws), `rays` and `chosen_copies` (fewer forward passes), and the analysis of one sample:
`neighborhood`, `decision_slice`, `smallest_tau` and `sample_ratio`.
"""
