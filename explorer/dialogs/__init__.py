"""What asks a person: settings, studies, exports, weights, forget sets.

Begin with `settings_dialog`.
"""
