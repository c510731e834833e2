"""The content of a study's report, section by section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine import PROGRAM
from engine.analysis.finding import findings
from engine.analysis.model_table import ModelTable, board, with_published
from engine.datasets.base import Dataset, validation_words
from engine.drawing.labels import null_note, perturbation_label, tau_label
from engine.errors import DataError, SpecError
from engine.forget_sets.sample_names import shortened_name
from engine.paper.published import Published, published_for
from engine.report import tables
from engine.report.document import Block, Code, Document, Facts, Folded, Section, Text
from engine.report.settings import settings_of
from engine.residual.verdict import verdict_note
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.storage.origins import sentence
from engine.study.command_line import command_line, forget_text
from engine.tables.model_report import notes

if TYPE_CHECKING:
    from engine.pipeline.pipeline import Pipeline

INDICES = "forget.csv"  # file of a forget set without a description, in the command line
MOST_NAMES = 300  # names of forget samples that are listed
Drawn = Mapping[str, Sequence[Block]]


@dataclass(frozen=True)
class Subject:
    """The study of a report; dataset: None if its data are not available.

    forget: the text that describes its forget set, such as 'class:8:0.5', or ''.
    """

    pipeline: Pipeline
    study: Study
    spec: RunSpec
    dataset: Dataset | None
    forget: str
    published: Published | None

    @property
    def name(self) -> str:
        """The label of the dataset."""
        return self.dataset.label if self.dataset else self.spec.data.name

    @property
    def board(self) -> ModelTable:
        """All measures of all its models, with the published ones."""
        found = board(self.study)
        return with_published(found, self.published.rows) if self.published else found

    def label(self, model: str) -> str:
        """The display name of a model."""
        return self.study.labels.get(model, model)


def subject(
    pipeline: Pipeline, study: Study, texts: Sequence[str] = (), report: Reporter | None = None
) -> Subject:
    """The subject of a report; texts: candidate descriptions of the forget set."""
    spec = pipeline.spec_of(study)
    try:
        dataset = pipeline.dataset(pipeline.work.datasets.located(spec.data), report or Reporter())
    except (DataError, SpecError):
        return Subject(pipeline, study, spec, None, "", None)
    words = filter(None, (*texts, dataset.recommended.forget))
    found = published_for(study.spec, dataset)
    return Subject(pipeline, study, spec, dataset, forget_text(spec, dataset, words), found)


def document(one: Subject, drawn: Drawn) -> Document:
    """Compose the report; drawn: section -> its figures."""
    sections = (
        Section("findings", "Findings", _findings(one)),
        Section("asked", "Study", _overview(one)),
        Section("settings", "Settings", _settings(one)),
        Section("metrics", "Accuracies and gaps", _metrics(one, drawn)),
        Section("residual", "Residual knowledge", _residual(one, drawn)),
        Section("worst", "The worst samples", tuple(drawn.get("worst", ()))),
        Section("attack", "Membership inference", tuple(drawn.get("attack", ()))),
        Section("maps", "Feature maps and decision regions", tuple(drawn.get("maps", ()))),
        Section("forget", "The forget set", _forget(one)),
        Section("provenance", "Provenance", _provenance(one)),
        Section("all-settings", "All settings", _all_settings(one)),
    )
    methods = ", ".join(map(one.label, one.spec.unlearned)) or "no method"
    return Document(
        f"{one.name}: what is left after unlearning",
        f"{methods}; {len(one.spec.forget):,} samples to forget",
        tuple(section for section in sections if section.blocks),
        (("version", PROGRAM), ("key", one.study.key), ("seed", str(one.spec.seed))),
    )


def _findings(one: Subject) -> tuple[Block, ...]:
    """A sentence for each model, and the samples that they count."""
    found = findings(one.study)
    samples = tables.finding_samples(found)
    counted = (Folded("The samples that are counted", (samples,)),) if samples else ()
    return (*map(tables.finding, found), Text(tables.NULL, muted=True), *counted)


def _overview(one: Subject) -> tuple[Block, ...]:
    spec, probe = one.spec, one.spec.probe
    data = one.name
    if one.dataset is not None:
        n, m = len(one.dataset.train_y), len(one.dataset.test_y)
        data = f"{data}: {n:,} training and {m:,} test samples, {len(one.dataset.classes)} classes"
        data = "; ".join(filter(None, (data, validation_words(one.dataset))))
    taus = f"{len(probe.taus)} norms τ from {probe.taus[0]:g} to {probe.taus[-1]:g}"
    return (
        Facts(
            (
                ("Dataset", data),
                ("Model", f"{spec.model.name}, trained in {spec.train.precision}"),
                ("Forget set", _chosen(one)),
                ("Methods", ", ".join(map(one.label, spec.unlearned)) or "none"),
                ("Re-trains", f"{spec.retrains}, each trained without the forget set"),
                (
                    "Perturbation",
                    f"{perturbation_label(probe.perturbation)}, {taus}, {probe.draws} copies of "
                    "each forget sample at each norm",
                ),
                ("Seed", str(spec.seed)),
            )
        ),
        Text(f"{tau_label(probe.perturbation)}.", muted=True),
    )


def _chosen(one: Subject) -> str:
    """Number of forget samples, how they were chosen, and their classes."""
    size = f"{len(one.spec.forget):,} samples"
    words = f"{size}, chosen as {one.forget}" if one.forget else f"{size}, chosen individually"
    if one.dataset is None:
        return words
    counts = np.bincount(one.dataset.train_y[list(one.spec.forget)])
    parts = [f"{one.dataset.classes[k]} {counts[k]:,}" for k in np.flatnonzero(counts)]
    return f"{words} (by class: {', '.join(parts)})"


def _settings(one: Subject) -> tuple[Block, ...]:
    changed = [item for item in settings_of(one.spec, one.dataset) if item.changed]
    if not changed:
        return (Text("All settings are the recommended ones; they are listed at the end."),)
    return (tables.settings("Settings that differ from the recommended ones", changed),)


def _all_settings(one: Subject) -> tuple[Block, ...]:
    found = settings_of(one.spec, one.dataset)
    return (Folded(f"All {len(found)} settings", (tables.settings("", found),)),)


def _metrics(one: Subject, drawn: Drawn) -> tuple[Block, ...]:
    note = " ".join(notes(one.board))
    blocks: list[Block] = [tables.metrics(one.board), Text(note, muted=True)]
    if one.published is not None:
        blocks.append(Text(one.published.words, muted=True))
    return (*blocks, *drawn.get("metrics", ()))


def _residual(one: Subject, drawn: Drawn) -> tuple[Block, ...]:
    return (
        *drawn.get("residual", ()),
        tables.residual(one.study),
        Text(tables.UNDEFINED, muted=True),
        Text(f"{tables.NULL} {null_note(one.spec.probe.taus)}".strip(), muted=True),
        tables.pooled(one.study),
        tables.verdicts(one.study),
        Text(verdict_note(one.study.residual), muted=True),
    )


def _forget(one: Subject) -> tuple[Block, ...]:
    indices = ", ".join(map(str, one.spec.forget))
    title = f"The indices of all {len(one.spec.forget):,} samples"
    return (Folded(title, (Text(indices), *_names(one))),)


def _names(one: Subject) -> tuple[Block, ...]:
    """The names of the forget samples, if they are files."""
    if one.dataset is None or not one.dataset.files:
        return ()
    names = [shortened_name(one.dataset.name_of(index)) for index in one.spec.forget[:MOST_NAMES]]
    more = len(one.spec.forget) - len(names)
    rest = f" and {more:,} more, listed by 'rk-engine samples'" if more else ""
    return (Text(f"{'; '.join(names)}{rest}"),)


def _provenance(one: Subject) -> tuple[Block, ...]:
    found = one.pipeline.provenance(one.study.key)
    versions = ", ".join(f"{name} {number}" for name, number in found.versions.items())
    facts = (
        ("Study", found.key),
        ("Origin", sentence(found.origins)),
        ("Created", found.created.replace("T", " ").replace("Z", " UTC")),
        ("Seed", str(found.seed)),
        ("Device", found.device),
        ("Time", f"{found.seconds:.1f} s of training and unlearning"),
        ("Versions", versions),
        ("Report by", PROGRAM),
        ("Data", one.spec.data.fingerprint),
    )
    return (Facts(tuple(row for row in facts if row[1])), *_command(one))


def _command(one: Subject) -> tuple[Block, ...]:
    """The command that reproduces the study, or why there is none."""
    if one.dataset is None:
        text = "The data are not available here, so the command that reproduces it is unknown."
        return (Text(text),)
    hint = "" if one.forget else f" First save the indices above, one per line, as {INDICES}."
    try:
        line = command_line(one.spec, one.dataset, one.forget or f"indices:{Path(INDICES)}")
    except SpecError as error:
        return (Text(str(error)),)
    return (Text(f"This command reproduces the study.{hint}"), Code(line))
