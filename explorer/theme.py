"""Light and dark themes: colors of the window, of classes and of models, for Qt and for views.

A `Theme` is plain data; views read it through `theme_of(state.theme)` and redraw when
`AppState.theme` changes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QApplication

from engine.drawing import palette
from explorer.popups import PopupStyle

CHOICES = ("system", "light", "dark")
ICON_SIZES = (16, 20, 24, 32, 48)  # px; Qt picks the nearest for each screen
MARKS = {"circle": "o", "square": "s", "diamond": "d", "triangle": "t1", "cross": "x"}
LEGIBLE = 3.0  # contrast that WCAG 2.1 requires of graphics


class ModelStyle(NamedTuple):
    """How a model is drawn everywhere.

    color: '#rrggbb'; symbol: pyqtgraph's name of a marker; dash: lengths of dashes and gaps in
    line widths, () = solid.
    """

    color: str
    symbol: str
    dash: tuple[float, ...]


@dataclass(frozen=True)
class Theme:
    """Colors ('#rrggbb') of one theme; models and classes take theirs from the palette."""

    name: str
    window: str
    base: str
    text: str
    muted: str
    accent: str
    on_accent: str
    border: str
    edge: str
    raised: str
    grid: str
    danger: str
    good: str
    warning: str

    @property
    def class_colors(self) -> list[str]:
        """The colors of the first ten classes."""
        return [self.class_color(index) for index in range(10)]

    def class_color(self, index: int) -> str:
        """The color of class number `index`, however many there are."""
        return _legible(palette.class_colors(index + 1)[index], self.base, self.text)

    def legible(self, color: str) -> str:
        """The color, changed as much as legibility on this theme's background requires."""
        return _legible(color, self.base, self.text)

    def model_style(self, name: str) -> ModelStyle:
        """Color, symbol and dash of a model; the same name always looks the same."""
        style = palette.model_style(name)
        color = _legible(style.color, self.base, self.text)
        return ModelStyle(color, MARKS[style.symbol], style.dash)


LIGHT = Theme(
    name="light",
    window="#f3f4f6",
    base="#ffffff",
    text="#1c2026",
    muted="#5f6773",
    accent="#0a5fbe",
    on_accent="#ffffff",
    border="#d3d8de",
    edge="#868e99",
    raised="#fcfcfd",
    grid="#e1e5ea",
    danger="#b3261e",
    good="#00714f",
    warning="#9a5b00",
)

DARK = Theme(
    name="dark",
    window="#1f2227",
    base="#17191d",
    text="#e7e9ec",
    muted="#a0a8b3",
    accent="#62b0f7",
    on_accent="#0c1622",
    border="#383e47",
    edge="#6b7480",
    raised="#2a2e35",
    grid="#30353d",
    danger="#ff8f85",
    good="#4fd1a1",
    warning="#f0b35a",
)


def contrast(first: str, second: str) -> float:
    """WCAG 2.1's contrast ratio of two colors, 1 to 21."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def theme_of(name: str) -> Theme:
    """The theme named 'light' or 'dark' (anything else is light)."""
    return DARK if name == "dark" else LIGHT


def current() -> Theme:
    """The theme that the application shows."""
    window = QGuiApplication.palette().color(QPalette.ColorRole.Window).name()
    return DARK if window == DARK.window else LIGHT


def resolve(choice: str) -> str:
    """'light' or 'dark' for a choice that may be 'system'."""
    if choice in ("light", "dark"):
        return choice
    dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
    return "dark" if dark else "light"


def palette_of(theme: Theme) -> QPalette:
    """Qt's palette for a theme."""
    roles = {
        QPalette.ColorRole.Window: theme.window,
        QPalette.ColorRole.WindowText: theme.text,
        QPalette.ColorRole.Base: theme.base,
        QPalette.ColorRole.AlternateBase: theme.window,
        QPalette.ColorRole.Text: theme.text,
        QPalette.ColorRole.PlaceholderText: theme.muted,
        QPalette.ColorRole.Button: theme.window,
        QPalette.ColorRole.ButtonText: theme.text,
        QPalette.ColorRole.ToolTipBase: theme.base,
        QPalette.ColorRole.ToolTipText: theme.text,
        QPalette.ColorRole.Highlight: theme.accent,
        QPalette.ColorRole.HighlightedText: theme.on_accent,
        QPalette.ColorRole.Link: theme.accent,
        QPalette.ColorRole.Mid: theme.border,
    }
    result = QPalette()
    for role, color in roles.items():
        result.setColor(role, QColor(color))
    for role in (
        QPalette.ColorRole.WindowText,
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
    ):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.muted))
    return result


def style_sheet(theme: Theme) -> str:
    """The style sheet in assets/theme.qss with this theme's colors filled in."""
    text = _asset("theme.qss")
    names = [item.name for item in fields(theme) if isinstance(getattr(theme, item.name), str)]
    for name in sorted(names, key=len, reverse=True):  # @on_accent before @accent
        text = text.replace(f"@{name}", getattr(theme, name))
    return text.replace("@icons", Path(str(files("assets") / "icons")).as_posix())


def apply(app: QApplication, theme: Theme) -> None:
    """Apply this theme to the whole application at once."""
    if not app.styleSheet():  # the first time
        app.setStyle(_style())
    _style().draw_icon = functools.partial(icon, theme=theme)
    app.setPalette(palette_of(theme))
    app.setStyleSheet(style_sheet(theme))


def icon(name: str, theme: Theme, *, color: str = "", active: str = "") -> QIcon:
    """The icon assets/icons/<name>.svg drawn in the theme's text color (or in `color`).

    active: another color under the mouse, for icons on rows that are highlighted then.
    """
    result = QIcon()
    _add(result, name, color or theme.text, QIcon.Mode.Normal)
    if active:
        _add(result, name, active, QIcon.Mode.Active)
    return result


def _add(icon: QIcon, name: str, color: str, mode: QIcon.Mode) -> None:
    from PySide6.QtSvg import QSvgRenderer

    drawing = _asset(f"icons/{name}.svg").replace("currentColor", color)
    renderer = QSvgRenderer(QByteArray(drawing.encode()))
    for size in ICON_SIZES:
        pixmap = QPixmap(QSize(size, size))
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter)
        painter.end()
        icon.addPixmap(pixmap, mode)


@functools.cache
def _style() -> PopupStyle:
    """The application's only style; a style sheet hides it from QApplication.style()."""
    return PopupStyle()


@functools.cache
def _legible(color: str, ground: str, text: str) -> str:
    """`color`, mixed towards the text color until it is legible on `ground`."""
    mixed, share = color, 0.0
    while contrast(mixed, ground) < LEGIBLE and share < 1:
        share += 0.05
        parts = zip(palette.rgb(color), palette.rgb(text), strict=True)
        mixed = "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)
    return mixed


def _luminance(color: str) -> float:
    parts = [part / 255 for part in palette.rgb(color)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@functools.cache
def _asset(path: str) -> str:
    return (files("assets") / path).read_text(encoding="utf-8")
