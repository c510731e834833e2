"""A button with a menu of the stored studies to show beside the open one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QToolButton, QWidget, QWidgetAction

from engine.results import Study, StudySummary
from engine.study.family import family
from engine.study.study_labels import study_labels
from explorer.widgets.check_menu import CheckMenu
from explorer.widgets.plain_text import literal, menu_text

MOST = 12  # studies listed under each heading, newest first; a search lists up to twice as many
NONE = "No other study is stored. Run one with another seed or setting."
NO_MATCH = "No study matches."
MEAN = "Mean over seeds"


class RunsButton(QToolButton):
    """Chooses the studies shown beside the open one, and whether to average over seeds.

    `chosen` gives the keys of the studies, `mean_toggled` whether to average. The first line of the
    menu finds studies by what is written of them.
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
        self.runs.aboutToShow.connect(self._begin)
        self._mean = QAction(MEAN, self)
        self._mean.setCheckable(True)
        self._mean.setToolTip("Average over studies that differ only in their seed")
        self.search = QLineEdit(clearButtonEnabled=True)
        self.search.setPlaceholderText("Find a study")
        self.search.setAccessibleName("Find a study")
        self.search.setMinimumWidth(240)
        self._search = QWidgetAction(self)
        self._search.setDefaultWidget(self.search)
        self.search.textChanged.connect(self._list)
        self.search.installEventFilter(self)
        self._keys: tuple[str, ...] = ()
        self._listed: tuple[object, ...] = ()
        self._others: Sequence[StudySummary] = ()
        self._opened: Study | None = None
        self._labels: Mapping[str, str] = {}

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
            self._listed, self._opened = listed, opened
            self._labels = study_labels(studies)
            self._others = [one for one in studies if one.key != listed[1]]
            self._list()
        self._show_checks()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave the search by the arrow keys, for the entries below it."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            actions = self._entries()
            if event.key() == Qt.Key.Key_Down and actions:
                self.runs.setFocus()
                self.runs.setActiveAction(actions[0])
                return True
        return super().eventFilter(watched, event)

    def _begin(self) -> None:
        self.search.clear()

    def _list(self) -> None:
        """Fill the menu with the studies that match the search."""
        words = self.search.text().lower().split()
        found = [one for one in self._others if _matches(one, self._labels[one.key], words)]
        for action in [*self.runs.actions()]:
            if action not in (self._search, self._mean):
                self.runs.removeAction(action)
                action.deleteLater()
        if not self.runs.actions():
            self.runs.addAction(self._search)
            self.runs.addAction(self._mean)
        self._search.setVisible(len(self._others) > 1)
        most = 2 * MOST if words else MOST
        for title, members in _grouped(found, self._opened):
            self.runs.addSection(title)
            for one in members[:most]:
                self._add(one, title)
            if len(members) > most:
                self._say(f"and {len(members) - most} more; the search above finds them")
        if not found:
            self._say(NO_MATCH if self._others else NONE)
        self._show_checks()

    def _add(self, one: StudySummary, title: str) -> None:
        label = self._labels[one.key]
        place = "" if title.startswith(("This", "Same")) else f"{one.dataset} · "
        when = one.created[:16].replace("T", " ")
        action = self.runs.addAction(menu_text(f"{place}{label} · {when}"))
        action.setToolTip(literal(_facts(one)))
        action.setData(one.key)
        action.setCheckable(True)

    def _say(self, text: str) -> None:
        self.runs.addAction(text).setEnabled(False)

    def _show_checks(self) -> None:
        for action in self._entries():
            action.setChecked(action.data() in self._keys)

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


def _matches(one: StudySummary, label: str, words: Sequence[str]) -> bool:
    text = f"{label}\n{_facts(one)}\n{' '.join(one.tags)}\n{one.created}\n{one.key}".lower()
    return all(word in text for word in words)


def _facts(one: StudySummary) -> str:
    what = f"{one.dataset}, {one.model}, {one.forget:,} forgotten, {one.perturbation}"
    return f"{what}, {', '.join(one.methods)}, seed {one.seed}; key {one.key[:8]}"
