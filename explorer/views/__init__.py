"""The views of the window, a file each; a large one is a folder with `view.py`.

Begin with `base.View`: a view is given the state, shows it, and asks for things by signals.
"""
