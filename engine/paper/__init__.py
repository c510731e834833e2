"""The paper's presets and its published figures (assets/paper).

Begin with `presets`; `published` says which of them a study may be compared with.
"""
