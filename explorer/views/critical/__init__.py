"""The Critical tau view: `view.py` lays it out, the other files are its parts."""
