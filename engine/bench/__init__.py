"""Ours against the straightforward way, measured in one run on the same machine and models."""
