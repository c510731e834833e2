"""Third-party networks and weights: tested, matched to a network, checked for invalid values.

Start with `network` (a factory function in the user's own file) and `weights` (a state dict in a
file).
"""
