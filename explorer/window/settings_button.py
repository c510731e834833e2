"""The button of the study's settings, marked while any is not as the dataset recommends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from explorer.control.controller import Controller
from explorer.dialogs.settings_dialog import measuring_fields, training_fields
from explorer.state.app_state import AppState
from explorer.state.catalog import GRID, Field
from explorer.state.form_grid import PROBE, STUDY, TRAIN
from explorer.state.recommendation import Change, differs, put_back
from explorer.widgets.plain_text import literal, menu_text
from explorer.widgets.setting_editors import shown
from explorer.widgets.setting_row import MARK

TEXT = "Settings"
ABOUT = "Re-trains, seed, perturbation, tau, draws and training"
IN_THE_BAR = ("study.model", "study.methods")  # shown beside the button
MOST = 8  # changes that the tooltip lists


class SettingsButton(QToolButton):
    """Opens the settings; where some differ, a menu puts them back one by one."""

    def __init__(self, state: AppState, do: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._do = state, do
        self._put_back = QMenu(self)
        self._put_back.setToolTipsVisible(True)
        self._put_back.triggered.connect(self._restore)
        for changed in (state.form_changed, state.dataset_changed, state.catalog_changed):
            changed.connect(self._show)
        self._show()

    def changes(self) -> dict[str, Change]:
        """Path -> recommended and chosen value of each setting that differs."""
        state = self._state
        if state.dataset is None:
            return {}
        every = differs(state.form, state.dataset.recommended, state.catalog)
        return {path: change for path, change in every.items() if path not in IN_THE_BAR}

    def _show(self) -> None:
        changes = self.changes()
        self.setText(f"{TEXT} {MARK}" if changes else TEXT)
        self._put_back.clear()
        lines = []
        for path, change in changes.items():
            title, item = self._named(path)
            usual, chosen = words(item, change.recommended), words(item, change.chosen)
            lines.append(f"{title}: {chosen}, recommended {usual}")
            action = self._put_back.addAction(menu_text(f"{title}: back to {usual}"))
            action.setData(path)
            action.setToolTip(literal(f"It is {chosen} now"))
        self.setMenu(self._put_back if changes else None)  # type: ignore[arg-type]  # None: no menu
        modes = QToolButton.ToolButtonPopupMode
        self.setPopupMode(modes.MenuButtonPopup if changes else modes.DelayedPopup)
        self.setToolTip(literal(_tip(lines)))
        self.setAccessibleName(f"{TEXT}, {len(lines)} not as recommended" if lines else TEXT)

    def _restore(self, action: QAction) -> None:
        dataset = self._state.dataset
        if dataset is not None:
            form = put_back(self._state.form, action.data(), dataset.recommended)
            self._do.opening.change_form(**vars(form))

    def _named(self, path: str) -> tuple[str, Field | None]:
        """(what people call a setting, its description); settings of methods name the method."""
        owner, _, name = path.partition(".")
        item = next((one for one in self._fields(owner) if one.name == name), None)
        title = item.title if item is not None else name.replace("_", " ")
        if owner == TRAIN:
            return f"{title} of training", item
        if owner in (STUDY, PROBE):
            return title, item
        return f"{title} of {self._state.catalog.method(owner).label}", item

    def _fields(self, owner: str) -> Iterator[Field]:
        if owner == TRAIN:
            yield from training_fields(self._state)
        elif owner in (STUDY, PROBE):
            yield from measuring_fields(self._state)
        else:
            yield from self._state.catalog.method(owner).fields


def words(item: Field | None, value: Any) -> str:
    """A value as a person reads it; several values as a list."""
    if isinstance(value, tuple | list):
        if item is not None and item.kind == GRID and all(isinstance(one, float) for one in value):
            return shown(item, ",".join(f"{one:.10g}" for one in value))
        return ", ".join(words(item, one) for one in value)
    return shown(item, value) if item is not None else str(value)


def _tip(lines: list[str]) -> str:
    if not lines:
        return ABOUT
    number = "1 setting is" if len(lines) == 1 else f"{len(lines)} settings are"
    listed = [f"• {line}" for line in lines[:MOST]]
    more = [f"and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return "\n".join([ABOUT, "", f"{number} not as recommended for this dataset:", *listed, *more])
