"""Membership inference: can an attacker tell from a model's answers what it was trained on?

Begin with `attack` (ROC, AUC, thresholds); `scores` are what the attacker looks at.
"""
