"""Networks and weights of others: tried first, matched to a network, checked for bad numbers.

Begin with `network` (a function in a person's own file) and `weights` (a state dict in a file).
"""
