"""Unlearning methods: one file each, or a folder whose `computation` is imported when it runs.

Importing this package imports none of them, and importing a method, to list or describe it, imports
no torch.
"""
