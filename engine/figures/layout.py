"""The layout of a page: panels of the wanted height, words that fit, nothing beyond the edges."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, MaxNLocator
from matplotlib.transforms import Bbox

from engine.errors import SpecError
from engine.figures.page_options import page_options

MM = 1 / 25.4  # inches
SHOWN_DPI = 150  # of a figure in a notebook
ROUNDS = 8  # of laying out; each corrects what the last one left
CLOSE = 0.3  # mm of height that is not corrected
SMALLEST = 6.0  # mm; a panel that is narrower or lower shows nothing
SLACK = 1.0  # pixels that words may stand out of the page, as their boxes are rounded up
APART = 2.0  # pixels between labels of ticks
COLOR_BAR = "<colorbar>"  # matplotlib's label of such axes
Words = list[tuple[Text, Bbox]]


class Page(Figure):
    """A figure on paper.

    panel_mm: height of its panels (the largest, if their aspect is fixed) on a page that is as high
    as its content needs; caption: the words for below the figure in a paper.
    """

    panel_mm: float = 0.0
    caption: str = ""

    @property
    def width_mm(self) -> float:
        """The width of the page."""
        return float(self.get_figwidth()) / MM

    @property
    def height_mm(self) -> float:
        """The height of the page."""
        return float(self.get_figheight()) / MM

    def _repr_png_(self) -> bytes:
        """The figure as notebooks show it."""
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=SHOWN_DPI, facecolor="white")
        return picture.getvalue()


def fit(page: Page) -> None:
    """Lay the page out and freeze it: further drawing would shift the axes slightly.

    SpecError if the words leave no room for a panel, or do not fit on the page.
    """
    if page.get_layout_engine() is not None:
        with _free_aspects(page) as aspects:
            for _ in range(ROUNDS):
                _execute(page)
                if not (_grow(page, aspects) or any([_wrap_labels(page), _thin_ticks(page)])):
                    break
            _execute(page)
        page.set_layout_engine("none")
        _check_panels(page)
    page.draw_without_rendering()  # which places the words of legends
    _check_words(page)


@contextmanager
def _free_aspects(page: Page) -> Iterator[Mapping[Axes, float]]:
    """Let panels of fixed aspect, which are yielded, fill their places while they are laid out.

    matplotlib's layout measures margins from where such a panel was before.
    """
    aspects = {axes: axes.get_aspect() for axes in panels(page)}
    fixed = {axes: float(aspect) for axes, aspect in aspects.items() if aspect != "auto"}
    for axes in fixed:
        axes.set_aspect("auto")
    try:
        yield fixed
    finally:
        for axes, aspect in fixed.items():
            axes.set_aspect(aspect)


def _execute(page: Page) -> None:
    """Run the layout; an automatic page whose words leave no room for panels becomes higher."""
    engine = page.get_layout_engine()
    for more in (20.0, 40.0, 80.0, 0.0):  # mm
        try:
            if engine is not None:
                engine.execute(page)
            return
        except UserWarning:  # matplotlib could not place the panels; see `canvas.style`
            if page_options().height_mm or not more:
                raise
            page.set_size_inches(page.get_figwidth(), (page.height_mm + more) * MM, forward=False)


def text_width(figure: Figure, words: str, size: float, weight: str = "normal") -> float:
    """The width of the longest line of the words, in mm."""
    font = FontProperties(size=size, weight=weight)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    widths = [
        renderer.get_text_width_height_descent(line, font, False)[0] for line in words.split("\n")
    ]
    return float(max(widths)) / figure.dpi / MM


def wrap(figure: Figure, words: str, mm: float, size: float, weight: str = "normal") -> str:
    """The words in lines of at most `mm`; words that are longer are broken."""
    lines: list[str] = []
    for line in words.split("\n"):
        lines += _wrapped(figure, line.replace("[0, 1]", "[0,\u00a01]"), mm, size, weight)
    return "\n".join(lines)


def elided(figure: Figure, words: str, mm: float, size: float) -> str:
    """The words, shortened at their end to at most `mm`."""
    if text_width(figure, words, size) <= mm:
        return words
    count = _letters(figure, words, mm - text_width(figure, "…", size), size, "normal")
    return f"{words[:count].rstrip()}…"


def _wrapped(figure: Figure, line: str, mm: float, size: float, weight: str) -> Iterator[str]:
    current = ""
    for word in line.split(" "):
        longer = f"{current} {word}" if current else word
        if text_width(figure, longer, size, weight) <= mm:
            current = longer
            continue
        if current:
            yield current
        while len(word) > 1 and text_width(figure, word, size, weight) > mm:
            count = _letters(figure, word, mm, size, weight)
            yield word[:count]
            word = word[count:]
        current = word
    yield current


def _letters(figure: Figure, word: str, mm: float, size: float, weight: str) -> int:
    """The number of letters of the word that fit, at least one."""
    count = len(word)
    while count > 1 and text_width(figure, word[:count], size, weight) > mm:
        count -= 1
    return count


def panels(figure: Figure) -> list[Axes]:
    """The visible axes that the layout places, without color bars."""
    return [
        axes
        for axes in figure.axes
        if axes.get_visible() and axes.get_subplotspec() and axes.get_label() != COLOR_BAR
    ]


def words_of(figure: Figure) -> Words:
    """Every text that is drawn, with its box in pixels of the page."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    boxes: Words = []
    for text in _texts(figure):
        if text.get_visible() and text.get_text().strip("\u200b "):
            boxes.append((text, text.get_window_extent(renderer)))
    return boxes


def tick_labels(axis: Axis) -> list[Text]:
    """The labels of the ticks within the axis, in their order."""
    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    inside = [one for one in ticks if low - slack <= one.get_loc() <= high + slack]
    labels = [one.label1 for one in sorted(inside, key=lambda one: float(one.get_loc()))]
    return [one for one in labels if one.get_visible() and one.get_text()]


def _texts(figure: Figure) -> Iterator[Text]:
    yield from figure.texts
    for legend in figure.legends:
        yield from legend.get_texts()
    for axes in figure.findobj(Axes):
        if not axes.get_visible():
            continue
        yield from axes.texts
        inside = axes.get_legend()
        if inside is not None:
            yield from inside.get_texts()
        for place in ("left", "center", "right"):
            yield _title(axes, place)
        if axes.axison:
            for axis in (axes.xaxis, axes.yaxis):
                yield axis.label
                yield from tick_labels(axis)


def _title(axes: Axes, place: str) -> Text:
    names = {"left": "_left_title", "center": "title", "right": "_right_title"}
    text: Text = getattr(axes, names[place])
    return text


# -- corrections, each of which says whether it changed anything ----------------------------------
def _wrap_labels(page: Page) -> bool:
    """Break titles and labels of axes that are longer than their axes."""
    changed = False
    pitch = _pitch(page)
    for axes in panels(page):
        box = axes.get_window_extent()
        center, right = (box.x0 + box.x1) / 2, page.bbox.width - box.x0
        wide = min(2 * min(center, page.bbox.width - center), pitch)
        spaces = [
            (axes.xaxis.label, wide),
            (axes.yaxis.label, max(box.height, 1.0)),
            (axes.title, wide),
            (_title(axes, "left"), min(right, pitch)),
        ]
        for text, pixels in spaces:
            changed |= _rewrap(page, text, pixels / page.dpi / MM)
    return changed


def _pitch(page: Page) -> float:
    """The distance in pixels between panels side by side; the width of the page for one column."""
    lefts = sorted({round(axes.get_window_extent().x0) for axes in panels(page)})
    gaps = [later - earlier for earlier, later in pairwise(lefts)]
    return float(min(gaps, default=page.bbox.width)) - 4 * APART


def _rewrap(page: Page, text: Text, mm: float) -> bool:
    words, size = text.get_text(), float(text.get_fontsize())
    if not words or text_width(page, words, size) <= mm or mm < size / 72 / MM * 4:
        return False
    wrapped = _at_unit(page, words, mm * 0.98, size) or wrap(page, words, mm * 0.98, size)
    text.set_text(wrapped)
    return wrapped != words


def _at_unit(page: Page, words: str, mm: float, size: float) -> str:
    """A label broken before the unit in brackets at its end, if both parts fit; else ''."""
    name, bracket, unit = words.rpartition(" (")
    lines = (name, f"({unit}")
    fits = all(text_width(page, line, size) <= mm for line in lines)
    return "\n".join(lines) if bracket and words.endswith(")") and fits else ""


def _thin_ticks(page: Page) -> bool:
    """Draw fewer ticks where their labels touch."""
    changed = False
    for axes in panels(page):
        for axis, side in ((axes.xaxis, "x"), (axes.yaxis, "y")):
            locator, labels = axis.get_major_locator(), tick_labels(axis)
            if len(labels) < 3 or not _touch(labels, side):
                continue
            if isinstance(locator, MaxNLocator):
                whole = bool(getattr(locator, "_integer", False))
                axis.set_major_locator(MaxNLocator(max(1, len(labels) - 2), integer=whole))
                changed = True
            elif isinstance(locator, FixedLocator) and side == "x":
                places = [float(one) for one in axis.get_majorticklocs()]
                words = [one.get_text() for one in axis.get_majorticklabels()]
                axis.set_ticks(places[::2], labels=words[::2])
                changed = True
    return changed


def _touch(labels: list[Text], side: str) -> bool:
    boxes = [one.get_window_extent() for one in labels]
    ends = [(b.x0, b.x1) if side == "x" else (b.y0, b.y1) for b in boxes]
    return any(right[0] < left[1] + APART for left, right in pairwise(sorted(ends)))


def _grow(page: Page, aspects: Mapping[Axes, float]) -> bool:
    """Make the page as high as its panels, and a legend beside them, need."""
    shown = panels(page)
    if not shown or page_options().height_mm or not page.panel_mm:
        return False
    spec = shown[0].get_subplotspec()
    rows = spec.get_gridspec().nrows if spec is not None else 1
    missing = [_wanted(page, one, aspects) - _allotted(page, one)[1] for one in shown]
    wanted = page.height_mm + rows * max(missing)
    for legend in page.legends:
        wanted = max(wanted, legend.get_window_extent().height / page.dpi / MM + 2)
    if abs(wanted - page.height_mm) < CLOSE:
        return False
    page.set_size_inches(page.get_figwidth(), max(wanted, SMALLEST) * MM, forward=False)
    return True


def _wanted(page: Page, axes: Axes, aspects: Mapping[Axes, float]) -> float:
    """The height in mm that a panel should have; of fixed aspect: at most `panel_mm`."""
    if axes not in aspects:
        return page.panel_mm
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    own = _allotted(page, axes)[0] * aspects[axes] * abs((high - low) / (right - left))
    return min(own, page.panel_mm)


def _allotted(page: Page, axes: Axes) -> tuple[float, float]:
    """Width and height in mm of the place of a panel."""
    place = axes.get_position(original=True)
    return place.width * page.width_mm, place.height * page.height_mm


# -- checks -------------------------------------------------------------------------------------
def _check_panels(page: Page) -> None:
    sizes = np.array([_allotted(page, axes) for axes in panels(page)]).reshape(-1, 2)
    if len(sizes) and sizes.min() < SMALLEST:
        raise no_room(_largest(page))


def _check_words(page: Page) -> None:
    """SpecError if any words would be cut off by an edge of the page."""
    width, height = page.bbox.width, page.bbox.height
    for _, box in words_of(page):
        if box.x0 < -SLACK or box.y0 < -SLACK or box.x1 > width + SLACK or box.y1 > height + SLACK:
            raise no_room(_largest(page))


def no_room(font_size: float) -> SpecError:
    """The error that words in this font size do not fit."""
    free = ", or leave its height automatic" * bool(page_options().height_mm)
    return SpecError(
        f"At a font size of {font_size:g} points the text leaves no room for the figure. "
        f"Make it wider, or the font smaller{free}."
    )


def _largest(page: Page) -> float:
    """The largest font size on the page, in points."""
    return max((float(text.get_fontsize()) for text, _ in words_of(page)), default=0.0)
