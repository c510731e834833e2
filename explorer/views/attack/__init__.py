"""The Attack view: `view.py` lays it out, the other files are its parts."""
