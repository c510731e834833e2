"""What is shown, chosen and set: the state of the window, its settings and its sessions.

Begin with `app_state` (the open study, the selection, signals when they change); `session` writes
it to a file.
"""
