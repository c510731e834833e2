"""A fair contest: every unlearning method gets the same number of trials of its settings.

Begin with `contest` (the trials) and `space` (the settings of a method that are searched).
"""
