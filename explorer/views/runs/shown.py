"""Which rows and columns the Runs view shows: the choices of a person, applied to the state."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from engine.analysis.model_table import nearest_tau
from engine.analysis.study_filter import StudyFilter, parse
from engine.study.siblings import varied
from explorer.state.app_state import AppState
from explorer.views.runs.columns import (
    DATASET,
    DEFAULT,
    DIFFERS,
    MEASURE,
    NAME,
    Column,
    columns_named,
    is_column,
    models_in,
)
from explorer.views.runs.rows import Known, Rows, StudyRow

MOST_COLUMNS = 60
LONGEST = 500  # characters of a filter in a session


class ShownRows:
    """Builds rows and columns.

    names: of the chosen columns; model: whose measures are shown, '' for the first method; color:
    name of the column that colors the lines, '' for the first measure; naming: whether the column
    of names is shown although no study has one; rows: as built last.
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._rows = Rows()
        self.names: list[str] = list(DEFAULT)
        self.model = ""
        self.color = ""
        self.text = ""
        self.naming = False
        self.rows: list[StudyRow] = []
        self._filter = StudyFilter()
        self._settings_of: object = None
        self._settings: list[str] = []
        self._models_of: object = None
        self._models: dict[str, str] = {}

    def build(self) -> list[StudyRow]:
        """The rows of all studies, in the order of queue and store."""
        state = self._state
        opened = state.study.key if state.study is not None else ""
        known = Known(
            state.measures, self.label, self.chosen_model, self.tau, opened, state.compared
        )
        self.rows = self._rows.build(state.runs, state.studies, known)
        self._filter = parse(self.text, self.settings)
        return self.rows

    def columns(self) -> list[Column]:
        """The chosen columns, without those that would say nothing.

        These are the dataset where there is one, the name while no study has one, and what differs
        while nothing does.
        """
        silent = set()
        if len({row.dataset for row in self.rows}) == 1:
            silent.add(DATASET)
        if not self.naming and not any(row.name for row in self.rows):
            silent.add(NAME)
        if not any(row.differs for row in self.rows):
            silent.add(DIFFERS)
        names = [name for name in self.names if name not in silent] or self.names
        return columns_named(names, self.model_label, self.chosen_model, self.tau, self.settings)

    def accepted(self) -> list[StudyRow]:
        """The rows that pass the filter."""
        return [row for row in self.rows if self._filter.selects(row)]

    def hint(self, left: int) -> str:
        """What the filter did not understand, or that nothing passes it; '' if all is well."""
        if self._filter.hint or left or not self.text.strip():
            return self._filter.hint
        return "No study passes this filter."

    @property
    def settings(self) -> list[str]:
        """The settings in which stored studies of the same dataset differ."""
        if self._settings_of is not self._rows.parts:
            self._settings_of, self._settings = self._rows.parts, self._find_settings()
        return self._settings

    def _find_settings(self) -> list[str]:
        groups: dict[str, list[StudyRow]] = {}
        for row in self.rows:
            groups.setdefault(row.dataset, []).append(row)
        names = [name for rows in groups.values() for name in varied(r.settings for r in rows)]
        return list(dict.fromkeys(names))

    @property
    def models(self) -> dict[str, str]:
        """name -> label of every model that was measured."""
        if self._models_of is not self._state.measures:
            self._models_of = self._state.measures
            self._models = models_in(self._state.measures.values())
        return self._models

    @property
    def chosen_model(self) -> str:
        """The model whose measures are shown."""
        return self.model if self.model in self.models else next(iter(self.models), "")

    @property
    def tau(self) -> float:
        """The tau of the other views, else the middle of the grid that most studies have."""
        study, (perturbation, tau) = self._state.study, self._state.probe
        if study is not None:
            own = perturbation in ("", study.residual.perturbation)
            return nearest_tau(study.residual.taus, tau if own else -1.0)
        grids = Counter(one.taus for one in self._state.measures.values() if one.taus)
        if not grids:
            return math.nan
        most = max(grids, key=lambda grid: grids[grid])
        return most[len(most) // 2]

    @property
    def taus(self) -> list[float]:
        """Every tau of any grid."""
        return sorted({tau for one in self._state.measures.values() for tau in one.taus})

    def measure_columns(self) -> list[Column]:
        """The shown columns that are measures."""
        return [column for column in self.columns() if column.quantity is not None]

    def color_column(self) -> Column | None:
        """The column that colors the lines, None if no measure is shown."""
        measures = self.measure_columns()
        chosen = next((one for one in measures if one.name == self.color), None)
        return chosen or (measures[0] if measures else None)

    def model_label(self, name: str) -> str:
        """Display name of a model."""
        return self.models.get(name, name)

    def label(self, kind: str, name: str) -> str:
        """The label of a dataset, a model or a method."""
        catalog = self._state.catalog
        if kind == "method":
            return catalog.method(name).label
        items = catalog.datasets if kind == "dataset" else catalog.models
        return next((item.label for item in items if item.name == name), name)

    # -- what a session keeps -------------------------------------------------------------
    @property
    def plain(self) -> dict[str, Any]:
        """The choices as JSON data."""
        return {
            "filter": self.text,
            "columns": list(self.names),
            "model": self.model,
            "color": self.color,
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Restore the choices; anything invalid is ignored."""
        text, names = stored.get("filter"), stored.get("columns")
        if isinstance(text, str):
            self.text = text[:LONGEST]
        if isinstance(names, list) and len(names) <= MOST_COLUMNS:
            valid = [name for name in names if isinstance(name, str) and is_column(name)]
            self.names = list(dict.fromkeys(valid)) or list(DEFAULT)
        if isinstance(stored.get("model"), str):
            self.model = stored["model"][:LONGEST]
        color = stored.get("color")
        if isinstance(color, str) and color.startswith(MEASURE) and is_column(color):
            self.color = color
