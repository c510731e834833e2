"""Unlearning methods, one file each. Importing this package imports none of them."""
