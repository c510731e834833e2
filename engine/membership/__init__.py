"""Membership inference: can an attacker infer a model's training samples from its outputs?

Start with `attack` (ROC, AUC, thresholds); `scores` defines the statistics the attacker uses.
"""
