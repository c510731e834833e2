"""Reproduction of a preset of the paper: every model, method and measure, over several seeds.

Everything is computed through the pipeline and kept in its store, so that an interrupted run
resumes where it stopped, and a finished one is answered at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine import registry
from engine.drawing.labels import null_note
from engine.external.network import model_spec
from engine.metrics import METRICS
from engine.paper import presets
from engine.paper.presets import Figure, Preset
from engine.pipeline.pipeline import Pipeline
from engine.residual import over_seeds
from engine.residual.disagreement import disagreement, perturbed_unlearn_accuracy
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.spec import REFUSE, DataSpec, PretrainSpec, RunSpec, TrainSpec, amend, to_plain
from engine.storage import output_files
from engine.study.compose import settled
from engine.sweeps.batch import Outcome, run_all
from engine.tables import table as tables
from engine.tables.latex import latex
from engine.tables.table import Column, Report, Table, TableRow

QUICK = (
    "QUICK: fewer draws and Re-trains than in the preset and, where it helps, fewer epochs, seeds "
    "and values of tau and a smaller network. These figures show that everything runs; they do "
    "not reproduce the paper's."
)
REFERENCES = {"original": "Original", "retrain": "Re-train"}


@dataclass(frozen=True)
class Trial:
    """One study of a preset; rows: model -> the row of the table that it belongs to."""

    seed: int
    name: str
    spec: RunSpec
    rows: Mapping[str, str]


@dataclass(frozen=True)
class Done:
    """A trial and its outcome."""

    trial: Trial
    outcome: Outcome


def reproduce(
    pipeline: Pipeline,
    preset: Preset,
    report: Reporter,
    *,
    root: str = "",
    links: str = REFUSE,
    seeds: Sequence[int] = (),
) -> Report:
    """Run a preset; returns its tables.

    root: folder of the data; links: whether links that lead out of it are followed; seeds: instead
    of the preset's own. Raises EngineError kinds and Cancelled; a single method that fails costs
    only its row.
    """
    preset = replace(preset, seeds=tuple(dict.fromkeys(seeds)) or preset.seeds)
    trials = list(trials_of(pipeline, preset, report, root, links))
    names = [trial.name for trial in trials]
    outcomes = run_all(pipeline, [trial.spec for trial in trials], names, report)
    done = [Done(trial, found) for trial, found in zip(trials, outcomes, strict=True)]
    return report_of(preset, done, str(pipeline.work.device))


def trials_of(
    pipeline: Pipeline, preset: Preset, report: Reporter, root: str = "", links: str = REFUSE
) -> Iterator[Trial]:
    """The studies of the preset: one per seed; in an ablation one per seed and value."""
    pretrain = _pretraining(pipeline, preset, report, root, links)
    for seed in preset.seeds:
        data = DataSpec(
            preset.dataset, root, seed, preset.side, validation=preset.validation, links=links
        )
        dataset = pipeline.dataset(data, report)
        for value, changes, rows in _variants(preset):
            settings = {owner: dict(found) for owner, found in preset.settings.items()}
            for owner, found in changes.items():
                settings[owner] = {**settings.get(owner, {}), **found}
            spec = pipeline.compose(
                dataset,
                model=preset.model,
                forget=preset.forget,
                methods=preset.methods,
                settings=settings,
                measures=preset.measures,
                retrains=preset.retrains,
                seed=seed,
                perturbation=preset.perturbation,
                taus=preset.taus,
                draws=preset.draws,
            )
            spec = replace(spec, pretrain=pretrain)
            yield Trial(seed, f"seed {seed}{f', {value}' if value else ''}", spec, rows)


def _pretraining(
    pipeline: Pipeline, preset: Preset, report: Reporter, root: str, links: str
) -> PretrainSpec | None:
    if not preset.pretrain:
        return None
    name = preset.pretrain["dataset"]
    data = DataSpec(name, root, preset.seeds[0], preset.side, links=links)
    train = amend(TrainSpec(), preset.pretrain.get("train", {}), "pretrain.")
    train = settled(train, model_spec(preset.model), pipeline.work.device.type)
    return PretrainSpec(pipeline.dataset(data, report).spec, train)


def report_of(preset: Preset, done: Sequence[Done], device: str) -> Report:
    """The tables of the trials."""
    found = [_accuracies(preset, done), *_curves(preset, done)]
    return Report(
        name=preset.name,
        title=preset.title,
        quick=preset.quick,
        seeds=preset.seeds,
        source=presets.source(),
        notes=(*_notes(preset), *_null_notes(done)),
        tables=tuple(table for table in found if table.rows),
        facts={
            "device": device,
            "settings": to_plain(preset),
            "residual_intervals": _intervals(done),
            "studies": {one.trial.name: one.outcome.study.key for one in done},
        },
    )


def save(report: Report, folder: Path, pipeline: Pipeline) -> list[Path]:
    """Write the report as .txt and .json, each table as .csv and .tex; returns the files.

    They are named after the preset, with '-quick' appended if it is quick. StoreError if one
    cannot be written.
    """
    start = f"{report.name}{'-quick' if report.quick else ''}"
    texts = {
        f"{start}.txt": tables.text(report) + "\n",
        f"{start}.json": json.dumps(tables.as_json(report), indent=1, allow_nan=False) + "\n",
    }
    for table in report.tables:
        stem = start if table.name == "accuracies" else f"{start}-{table.name}"
        texts[f"{stem}.csv"] = tables.as_csv(report, table)
        texts[f"{stem}.tex"] = latex(report, table)
    for name, text in texts.items():
        output_files.write_text(folder / name, text)
    return [folder / name for name in texts]


def _variants(
    preset: Preset,
) -> Iterator[tuple[str, Mapping[str, Mapping[str, Any]], dict[str, str]]]:
    """(value, changes to settings, model -> row) of each study of one seed."""
    ablation = preset.ablation
    if ablation is None:
        yield "", {}, {name: name for name in [*REFERENCES, *preset.methods]}
        return
    for number, variant in enumerate(ablation.variants):
        rows = {} if number else {name: name for name in REFERENCES}
        yield (
            f"{ablation.method} {variant.value}",
            {ablation.method: variant.settings},
            {**rows, ablation.method: variant.value},
        )


# -- tables ---------------------------------------------------------------------------------------


def _accuracies(preset: Preset, done: Sequence[Done]) -> Table:
    """One row per model, one column per measure."""
    values = _collect(done, lambda study: study.metrics)
    measured = {name for row in values.values() for name in row}
    columns = tuple(
        Column(one.name, one.label, one.unit, 1 if one.unit == "s" else one.digits, one.most)
        for one in METRICS
        if one.name in measured
    )
    published = presets.table_of(preset)
    rows = [
        tables.row_of(
            name, label, values.get(name, {}), published=published.get(name, {}), refused=why
        )
        for name, label, why in _rows(done)
    ]
    title = "Accuracies, mean±std over the seeds"
    return Table("accuracies", title, _stub(preset), columns, tuple(rows))


def _curves(preset: Preset, done: Sequence[Done]) -> Iterator[Table]:
    """Residual knowledge and related quantities, one column per tau."""
    taus = [float(tau) for tau in done[0].outcome.study.residual.taus]
    published = presets.curves_of(preset)
    stub = f"{_stub(preset)} / tau"
    for measured in MEASURED:
        columns = tuple(Column(_tau(tau), _tau(tau), digits=measured.digits) for tau in taus)
        values = _collect(done, measured.by_tau)
        theirs = published.get(measured.name, {})
        rows = [
            tables.row_of(row, label, values[row], published=_named(theirs.get(row, {})))
            for row, label, _ in _rows(done)
            if row in values
        ]
        if measured.of is _residual_knowledge:
            rows += _null_band(done)
        yield Table(measured.name, measured.title, stub, columns, tuple(rows))


def _null_notes(done: Sequence[Done]) -> list[str]:
    note = null_note(done[0].outcome.study.residual.taus)
    return [note] if note else []


def _null_band(done: Sequence[Done]) -> list[TableRow]:
    """Rows with the low and high end of the null band, over all trials."""
    taus = [_tau(float(tau)) for tau in done[0].outcome.study.residual.taus]
    ends = over_seeds.null_band_envelope([one.outcome.study.residual for one in done])
    return [
        tables.row_of(
            f"null-{end}",
            f"null band, {end}",
            {tau: [float(value)] for tau, value in zip(taus, values, strict=True)},
        )
        for end, values in zip(("low", "high"), ends, strict=True)
    ]


def _intervals(done: Sequence[Done]) -> dict[str, Any]:
    """Row -> 95 % interval of r_tau over seeds and forget samples; 'taus' -> the norms."""
    found: dict[str, Any] = {"taus": done[0].outcome.study.residual.taus.tolist()}
    for row, _, refused in _rows(done):
        pairs = [(one.outcome.study, model) for one in done for model in _models_of(one, row)]
        if refused or not pairs or pairs[0][1] == "retrain":
            continue
        curve = over_seeds.seed_curve([study for study, _ in pairs], pairs[0][1])
        found[row] = {"low": _finite(curve.low), "high": _finite(curve.high)}
    return found


def _models_of(one: Done, row: str) -> list[str]:
    """The models of this trial in the row: one or none."""
    return [model for model, name in one.trial.rows.items() if name == row]


def _finite(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _collect(
    done: Sequence[Done], of: Callable[[Study], Mapping[str, Mapping[str, float]]]
) -> dict[str, dict[str, list[float]]]:
    """Row -> measure -> one value per seed; `of(study)`: model -> measure -> value."""
    rows: dict[str, dict[str, list[float]]] = {}
    for one in done:
        found = of(one.outcome.study)
        for model, row in one.trial.rows.items():
            for name, value in found.get(model, {}).items():
                rows.setdefault(row, {}).setdefault(name, []).append(float(value))
    return rows


def _rows(done: Sequence[Done]) -> list[tuple[str, str, str]]:
    """(name, label, reason of the refusal or '') of each row, in order."""
    found: dict[str, tuple[str, str, str]] = {}
    for one in done:
        for model, row in one.trial.rows.items():
            why = one.outcome.refused.get(model, "")
            label = _label(model) if row == model else row
            before = found.get(row, (row, label, ""))
            found[row] = (row, label, before[2] or why)
    return list(found.values())


def _label(model: str) -> str:
    return REFERENCES.get(model) or registry.get("method", model).label


def _stub(preset: Preset) -> str:
    return preset.ablation.method if preset.ablation else "method"


def _named(figures: Mapping[float, Figure]) -> dict[str, Figure]:
    return {_tau(tau): figure for tau, figure in figures.items()}


def _tau(tau: float) -> str:
    return f"{tau:g}"


# -- curves ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """A quantity with one value per model and tau; of: study -> model -> (T,) values."""

    name: str
    title: str
    of: Callable[[Study], Mapping[str, np.ndarray]]
    digits: int = 3

    def by_tau(self, study: Study) -> dict[str, dict[str, float]]:
        """Model -> tau -> value."""
        taus = [_tau(float(tau)) for tau in study.residual.taus]
        curves = self.of(study)
        return {name: dict(zip(taus, curve, strict=True)) for name, curve in curves.items()}


def _residual_knowledge(study: Study) -> dict[str, np.ndarray]:
    return {name: found.mean for name, found in study.residual.curves.items()}


def _prevalence(study: Study) -> dict[str, np.ndarray]:
    return {name: found.prevalence for name, found in study.residual.curves.items()}


def _unlearn_accuracy(study: Study) -> dict[str, np.ndarray]:
    """Percent of wrong predictions on the copies; `retrain`: the mean over the Re-trains."""
    residual = study.residual
    retrains = [name for name in residual.counts if re.fullmatch(r"retrain-\d+", name)]
    own = {name: perturbed_unlearn_accuracy(residual, name) for name in residual.curves}
    theirs = [perturbed_unlearn_accuracy(residual, name) for name in retrains]
    return {**own, "retrain": np.mean(theirs, axis=0)}


def _disagreement(study: Study) -> dict[str, np.ndarray]:
    residual = study.residual
    return {name: disagreement(residual, name).mean for name in residual.curves}


MEASURED = (
    Measured("residual-knowledge", "Residual knowledge r_tau", _residual_knowledge),
    Measured("prevalence", "Percent of forget samples with r_tau > 1", _prevalence, 1),
    Measured("unlearn-accuracy", "Unlearn % on perturbed samples", _unlearn_accuracy, 2),
    Measured("disagreement", "Disagreement with Re-train, share of copies", _disagreement),
)


# -- notes ----------------------------------------------------------------------------------------


def _notes(preset: Preset) -> tuple[str, ...]:
    """How the figures were computed, and how they differ from the paper's."""
    reference = f"Re-train: the mean of {preset.retrains}, each with its own seed."
    notes = [
        f"{preset.draws} draws of {preset.perturbation} noise per sample and tau. {reference}",
        "±: standard deviation over the seeds (divisor n, as in the paper). Each seed draws its "
        "own data, forget set and weights, where they are random.",
    ]
    if preset.quick:
        notes.insert(0, QUICK)
    return (*notes, *(f"Unlike the paper: {text}" for text in preset.differences))
