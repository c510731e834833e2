"""Residual knowledge: who still recognizes perturbed copies of forgotten samples, and how surely.

Begin with `predictions` (models are asked, counts are kept) and `ratio` (r_tau, the null band,
intervals); then `posterior` and `verdict` (samples), `disagreement`, `allocation` (where draws go),
`rays` and `chosen_copies` (fewer forward passes), and one sample under the lens: `neighborhood`,
`decision_slice`, `smallest_tau`, `sample_ratio`.
"""
