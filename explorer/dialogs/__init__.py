"""Dialogs: settings, studies, exports, reports, weights, data and forget sets.

Begin with `settings_dialog`.
"""
