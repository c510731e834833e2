"""The state of the window: what is shown and selected, the settings and the sessions.

Begin with `app_state` (the open study, the selection, signals when they change); `session` writes
it to a file.
"""
