"""A button with a menu of the stored studies to show beside the open one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QToolButton, QWidget

from engine.results import Study, StudySummary
from engine.study.family import family
from explorer.widgets.check_menu import CheckMenu
from explorer.widgets.plain_text import menu_text

MOST = 12  # studies listed under each heading, newest first
NONE = "No other study is stored. Run one with another seed or setting."
MEAN = "Mean over seeds"


class RunsButton(QToolButton):
    """Chooses the studies shown beside the open one, and whether to average over seeds.

    `chosen` gives the keys of the studies, `mean_toggled` whether to average.
    """

    chosen = Signal(tuple)
    mean_toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText("Runs")
        self.setAccessibleName("Studies shown beside the open one")
        self.setToolTip(
            "Show other stored studies beside this one, and average over seeds of the same settings"
        )
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.runs = CheckMenu(self)
        self.setMenu(self.runs)
        self.runs.triggered.connect(self._check)
        self._mean = QAction(MEAN, self)
        self._mean.setCheckable(True)
        self._mean.setToolTip("Average over studies that differ only in their seed")
        self._keys: tuple[str, ...] = ()
        self._listed: tuple[object, ...] = ()

    @property
    def mean(self) -> bool:
        """Whether to average over seeds."""
        return self._mean.isChecked()

    def set_mean(self, mean: bool) -> None:
        """Set whether to average over seeds, without emitting `mean_toggled`."""
        self._mean.setChecked(mean)

    def set_studies(
        self, studies: Sequence[StudySummary], opened: Study | None, keys: tuple[str, ...]
    ) -> None:
        """List the studies, checked where they are among `keys`; the open one is left out."""
        self._keys = keys
        self.setText(f"Runs ({len(keys)})" if keys else "Runs")
        listed = (studies, opened.key if opened else "")
        if listed != self._listed:  # an open menu keeps its entries
            self._listed = listed
            self._fill([one for one in studies if one.key != listed[1]], opened)
        for action in self._entries():
            action.setChecked(action.data() in keys)

    def _fill(self, studies: Sequence[StudySummary], opened: Study | None) -> None:
        self.runs.clear()
        self._mean.setParent(self)
        self.runs.addAction(self._mean)
        for title, members in _grouped(studies, opened):
            self.runs.addSection(title)
            for one in members[:MOST]:
                self._add(one, title)
            if len(members) > MOST:
                self.runs.addAction(f"and {len(members) - MOST} older ones").setEnabled(False)
        if not studies:
            self.runs.addAction(NONE).setEnabled(False)

    def _add(self, one: StudySummary, title: str) -> None:
        action = self.runs.addAction(menu_text(_words(one, title.startswith("This study"))))
        action.setData(one.key)
        action.setCheckable(True)

    def _entries(self) -> list[QAction]:
        return [action for action in self.runs.actions() if action.data()]

    def _check(self, action: QAction) -> None:
        if action is self._mean:
            self.mean_toggled.emit(action.isChecked())
        elif action.data():
            others = [key for key in self._keys if key != action.data()]
            self.chosen.emit(tuple([*others, action.data()] if action.isChecked() else others))


def _grouped(
    studies: Sequence[StudySummary], opened: Study | None
) -> Iterator[tuple[str, list[StudySummary]]]:
    """Headings with their studies: other seeds, same dataset, other datasets."""
    own = family(opened.spec) if opened is not None else ""
    dataset = opened.spec["data"]["name"] if opened is not None else ""
    seeds = [one for one in studies if own and one.family == own]
    near = [one for one in studies if one.dataset == dataset and one not in seeds]
    rest = [one for one in studies if one.dataset != dataset]
    if opened is not None:
        title = f"This study (seed {opened.spec.get('seed', '?')}) with other seeds"
        yield from [(title, seeds)] * bool(seeds)
        yield from [("Same dataset, other settings", near)] * bool(near)
    yield from [("Other datasets" if opened is not None else "Stored studies", rest)] * bool(rest)


def _words(one: StudySummary, is_seed: bool) -> str:
    when = one.created[:16].replace("T", " ")
    if is_seed:
        return f"seed {one.seed} · {when}"
    what = f"{one.dataset}, {one.model}, {one.forget:,} forgotten, {one.perturbation}"
    return f"{one.key[:8]} · {what} · {', '.join(one.methods)} · seed {one.seed} · {when}"
