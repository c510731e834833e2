"""Pictures of everything the window can show, in a real window: python -m tests.gallery --out DIR.

For each size and theme it photographs every workspace and view (filled and empty), menu, popup,
options card, tooltip and dialog, and every exported figure at 89 and 183 mm, and puts them on
contact sheets. It needs Xvfb, and a window manager (openbox) for the frames of dialogs.
"""
