"""Data files of RK Explorer: icons, theme, presets, published figures and photographs. No code."""
