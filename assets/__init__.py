"""Data files of RK Explorer: icons, theme, presets and published figures. No code."""
