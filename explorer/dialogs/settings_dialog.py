"""The dialogs for the settings of a study and of its methods, built from field descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import (
    QWidget,
)

from engine import perturbations
from engine.spec import AUTO, ProbeSpec, RunSpec, TrainSpec
from explorer.control.controller import Controller
from explorer.state import form_grid as grid
from explorer.state.app_state import AppState
from explorer.state.catalog import GRID, Field, describe, with_defaults
from explorer.widgets.forms import FieldsForm, FormDialog

WATCH = Field(
    "watch_each_epoch", "bool", True,
    "whether every unlearning method is probed after its epochs, for Live to show and replay. "
    "Results do not depend on it. A method is probed at most 30 times, which takes up to 5 "
    "seconds, or a quarter of the method's own time if that is more",
    label="Probe after each epoch",
)  # fmt: skip
PROBE_FIELDS = (  # of ProbeSpec, beside perturbation, tau and draws
    "adaptive", "fdr", "steps", "step_size", "target", "arithmetic", "between", "start",
)  # fmt: skip
NEEDED_BY = {  # setting -> the perturbations with which it has an effect
    "steps": perturbations.iterating, "step_size": perturbations.iterating,
    "start": perturbations.starting, "target": perturbations.attacks,
    "arithmetic": perturbations.attacks, "between": perturbations.straight,
}  # fmt: skip


class SettingsDialog(FormDialog):
    """Re-trains, seed, perturbation, tau and draws; and the settings of training."""

    def __init__(self, controller: Controller, parent: QWidget | None) -> None:
        state, form = controller.state, controller.state.form
        self._controller = controller
        self._measuring = FieldsForm(
            measuring_fields(state), "tau is in units of the pixel range [0, 1]."
        )
        self._measuring.show_values(
            {
                "retrains": form.retrains,
                "seed": form.seed,
                "perturbation": form.perturbation,
                "draws": form.draws,
                WATCH.name: form.watch,
                **({"taus": form.taus} if form.taus else {}),
                **form.probe,
            },
            {**grid.values_of(form.grid, grid.STUDY), **grid.values_of(form.grid, grid.PROBE)},
        )
        self._training = FieldsForm(
            training_fields(state), "For the Original and for every Re-train."
        )
        self._training.show_values(form.training, grid.values_of(form.grid, grid.TRAIN))
        forms = {"Measuring": self._measuring, "Training": self._training}
        super().__init__("Settings of the study", forms, parent)

    def swept(self) -> dict[str, Sequence[Any]]:
        """The form's grid, updated by the settings with several values."""
        study = self._measuring.several()
        probe = {name: study.pop(name) for name in PROBE_FIELDS if name in study}
        values = grid.with_values(self._controller.state.form.grid, grid.STUDY, study)
        values = grid.with_values(values, grid.PROBE, probe)
        return grid.with_values(values, grid.TRAIN, self._training.several())

    def studies(self) -> int:
        """The number of studies that Run would start with these settings."""
        return grid.size_of(replace(self._controller.state.form, grid=self.swept()))

    def accept(self) -> None:
        """Apply the values to the form."""
        if self.refuse():
            return
        values, changes = self._measuring.values(), self._measuring.changes()
        super().accept()
        self._controller.opening.change_form(
            retrains=values["retrains"],
            seed=values["seed"],
            perturbation=values["perturbation"],
            draws=values["draws"],
            watch=values[WATCH.name],
            taus=changes.get("taus", ""),
            probe={name: changes[name] for name in PROBE_FIELDS if name in changes},
            training=self._training.changes(),
            grid=self.swept(),
        )


class MethodsDialog(FormDialog):
    """The settings of every chosen method, one page each."""

    def __init__(self, controller: Controller, parent: QWidget | None) -> None:
        state, form = controller.state, controller.state.form
        self._controller = controller
        self._names: dict[str, str] = {}
        pages: dict[str, FieldsForm] = {}
        advised = state.dataset.recommended.methods if state.dataset else {}
        for name in form.methods:
            item = state.catalog.method(name)
            fields = with_defaults(item.fields, advised.get(name, {}))
            pages[item.label] = FieldsForm(fields, item.help)
            several = grid.values_of(form.grid, name)
            pages[item.label].show_values(form.settings.get(name, {}), several)
            self._names[item.label] = name
        super().__init__("Settings of methods", pages, parent)

    def accept(self) -> None:
        """Apply the values that differ from the recommendations to the form."""
        if self.refuse():
            return
        super().accept()
        changes = {self._names[label]: page.changes() for label, page in self.forms.items()}
        settings = {**self._controller.state.form.settings, **changes}
        self._controller.opening.change_form(settings=settings, grid=self.swept())

    def swept(self) -> dict[str, Sequence[Any]]:
        """The form's grid, updated by the settings with several values."""
        values: dict[str, Sequence[Any]] = dict(self._controller.state.form.grid)
        for label, page in self.forms.items():
            values = grid.with_values(values, self._names[label], page.several())
        return values

    def studies(self) -> int:
        """The number of studies that Run would start with these settings."""
        return grid.size_of(replace(self._controller.state.form, grid=self.swept()))


def measuring_fields(state: AppState) -> tuple[Field, ...]:
    """The fields of RunSpec and ProbeSpec in the form: how residual knowledge is measured."""
    grid = state.dataset.recommended.taus if state.dataset else ProbeSpec().taus
    suiting = perturbations.suiting(state.dataset is not None and bool(state.dataset.texts))
    names = {one.name: one.label for one in state.catalog.perturbations if one.name in suiting}
    run = {item.name: item for item in describe(RunSpec)}
    # as `engine.study.compose.compose` takes them
    usual = ProbeSpec(arithmetic=AUTO, between=AUTO, start=AUTO)
    probe = {item.name: item for item in describe(usual)}
    taus = ",".join(f"{tau:.10g}" for tau in grid)
    return (
        run["retrains"],
        run["seed"],
        replace(probe["perturbation"], choices=tuple(names), words=names),
        Field(
            "taus", GRID, taus,
            "how large the perturbations are: a range, 0 to 0.4 in 11, or a list, 0, 0.01, 8/255",
            "pixel range", label="Perturbation norms τ",
        ),
        probe["draws"],
        *(_where_it_applies(probe[name]) for name in PROBE_FIELDS),
        WATCH,
    )  # fmt: skip


def _where_it_applies(item: Field) -> Field:
    """The field, limited to the perturbations that it has an effect with."""
    needed = NEEDED_BY.get(item.name)
    return replace(item, only_if=("perturbation", needed())) if needed else item


def training_fields(state: AppState) -> tuple[Field, ...]:
    """The fields of training, with the dataset's recommendations for the chosen model."""
    if state.dataset is None:
        return describe(TrainSpec)
    advice = state.dataset.recommended
    return describe(advice.train_for(state.form.model or advice.model))
