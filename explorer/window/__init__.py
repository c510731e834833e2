"""The shell: docks, actions, command palette, study bar.

Begin with `window.MainWindow`; `docks` lists the views, `actions` everything that menus offer.
"""
