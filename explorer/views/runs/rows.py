"""The rows of the Runs view as plain data: one for each study, queued, running or stored."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.analysis.study_measures import StudyMeasures
from engine.results import StudySummary
from engine.study import example
from engine.study.siblings import Parts, Settings, distinguishing, in_words, sibling_settings
from explorer.state.durations import clock
from explorer.state.queued_run import (
    DONE,
    FAILED,
    HELD,
    ICONS,
    RUNNING,
    STOPPED,
    WAITING,
    QueuedRun,
)

Label = Callable[[str, str], str]  # ('dataset', 'model' or 'method', name) -> label
STORED = "stored"  # a study stored by no run of the list
STORED_ICON = "▣"
IMPORTED = "imported"  # a study from a bundle or another store
EXAMPLE = "example"  # the study that comes with the program
PRECEDENCE = (RUNNING, WAITING, HELD, FAILED, STOPPED, DONE)  # of several runs of one study
LAST = 1e9  # place of the first stored study in the order of the queue


@dataclass(frozen=True)
class StudyRow:
    """One study. number: of its run, 0 without one; key: of the stored study, '' before there is
    one; place: in the order of queue and store; time: how long it ran; fraction: of the running
    study, -1 for others; parts: what tells it apart from its siblings; model, tau: chosen for
    measures that name none.
    """

    state: str
    word: str
    number: int
    key: str
    place: float
    time: str
    seconds: float
    dataset: str
    network: str
    methods: str
    forget: int
    forget_text: str
    seed: int
    perturbation: str
    draws: int
    created: str = ""
    name: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""
    parts: Parts = ()
    differs: str = ""
    settings: Settings = field(default_factory=dict)
    measures: StudyMeasures | None = None
    fraction: float = -1.0
    error: str = ""
    model: str = ""
    tau: float = math.nan

    @property
    def identity(self) -> tuple[int, str]:
        """The identity of the row across updates."""
        return (0, self.key) if self.key else (self.number, "")

    @property
    def day(self) -> str:
        """When it was stored, to the minute."""
        return self.created[:16].replace("T", " ")

    @property
    def title(self) -> str:
        """A short title that distinguishes the row from others."""
        own = self.name or self.differs or f"seed {self.seed}"
        return ", ".join(filter(None, (self.dataset, own)))

    def measure(self, quantity: str, model: str = "", tau: float = math.nan) -> float:
        """One of its measures; the chosen model and tau where none is given; NaN if unknown."""
        if self.measures is None:
            return math.nan
        at = self.tau if math.isnan(tau) else tau
        return self.measures.value(quantity, model or self.model, at)

    # -- as a filter sees it (engine.analysis.study_filter.Candidate) ----------------------
    @functools.cached_property
    def words(self) -> str:
        """All that is shown of it as text, in lower case."""
        texts = (
            self.word, self.name, " ".join(self.tags), self.notes, self.dataset, self.network,
            self.methods, self.differs, self.perturbation, self.day, self.key, self.forget_text,
        )  # fmt: skip
        return "\n".join(texts).lower()

    def text(self, field: str) -> str:
        """One of the text fields, in lower case."""
        texts = {
            "state": self.word,
            "name": self.name,
            "tag": "\n".join(self.tags),
            "notes": self.notes,
            "dataset": f"{self.dataset}\n{self.settings.get('data.name', '')}",
            "model": f"{self.network}\n{self.settings.get('model.name', '')}",
            "method": "\n".join((*self.methods.split(", "), self.settings.get("methods", ""))),
            "perturbation": self.perturbation,
            "created": self.day,
            "key": self.key,
        }
        return texts[field].lower()

    def number_of(self, field: str) -> float:
        """A number of its own, a measure, or a setting; NaN if it has none."""
        own = {"forget": self.forget, "draws": self.draws, "seed": self.seed}
        if field in own:
            return float(own[field])
        if field == "seconds":
            return self.seconds
        if field in self.settings:
            return number_in(self.settings[field])
        model, _, quantity = field.rpartition(".")
        return self.measure(quantity, model)

    def setting(self, field: str) -> str | None:
        """The value of a setting, None if it has no such setting."""
        return self.settings.get(field)


@dataclass(frozen=True, eq=False)
class Known:
    """What rows are built from besides the queue and the store's listing.

    measures: by key; label: display name of a dataset, a model or a method; model, tau: chosen for
    measures that name none; opened: key of the study on screen; beside: keys of those drawn beside
    it; parts: key -> what tells the study apart.
    """

    measures: Mapping[str, StudyMeasures]
    label: Label
    model: str = ""
    tau: float = math.nan
    opened: str = ""
    beside: tuple[str, ...] = ()
    parts: Mapping[str, Parts] = field(default_factory=dict)

    def methods(self, names: Sequence[str]) -> str:
        """The labels of methods."""
        return ", ".join(self.label("method", name) for name in names)

    def on_screen(self, key: str) -> str:
        """', open' for the study on screen, ', beside' for those drawn beside it, else ''."""
        if key and key == self.opened:
            return ", open"
        return ", beside" if key in self.beside else ""

    def facts(self, key: str) -> dict[str, Any]:
        """The fields of a row that are known for a study, by its key."""
        parts = self.parts.get(key, ())
        return {
            "parts": parts,
            "differs": in_words(parts),
            "measures": self.measures.get(key),
            "model": self.model,
            "tau": self.tau,
        }


class Rows:
    """Builds the rows; what does not change from one progress report to the next is kept."""

    def __init__(self) -> None:
        self._parts_of: tuple[object, ...] = ()
        self._parts: Mapping[str, Parts] = {}
        self._settings: dict[str, Settings] = {}  # of runs, by the key of their study
        self._rest_of: tuple[object, ...] = ()
        self._rest: list[StudyRow] = []

    @property
    def parts(self) -> Mapping[str, Parts]:
        """key -> what tells the study apart; another object whenever other studies are listed."""
        return self._parts

    def build(
        self, runs: Sequence[QueuedRun], studies: Sequence[StudySummary], known: Known
    ) -> list[StudyRow]:
        """Ended, running and waiting runs, then the stored studies of none of them.

        A study that was run several times, or was stored before, has one row.
        """
        stored = {one.key: one for one in studies}
        line = [run.number for run in runs if run.state == WAITING]
        waiting = {number: place for place, number in enumerate(line, 1)}
        listed = _one_per_study(runs)
        known = replace(known, parts=self._told_apart(listed, studies))
        rows = [self._of_run(run, waiting, stored.get(run.key), known) for run in listed]
        return [*rows, *self._unlisted({row.key for row in rows}, studies, known)]

    def _told_apart(
        self, runs: Sequence[QueuedRun], studies: Sequence[StudySummary]
    ) -> Mapping[str, Parts]:
        """key of a study, stored or not -> what tells it apart."""
        known = (studies, tuple(run.key for run in runs if run.key and run.spec))
        if known != self._parts_of:
            self._parts_of = known
            settings = {run.key: self._settings_of(run) for run in runs if run.key and run.spec}
            settings |= {one.key: one.settings for one in studies}
            self._parts = distinguishing(settings)
        return self._parts

    def _unlisted(
        self, listed: Collection[str], studies: Sequence[StudySummary], known: Known
    ) -> list[StudyRow]:
        """The rows of the stored studies that have no run in the list."""
        made_of = (
            frozenset(listed), studies, known.measures, known.parts, known.model, known.opened,
            known.beside,
            known.tau if math.isfinite(known.tau) else None, known.label,
        )  # fmt: skip
        if made_of != self._rest_of:
            self._rest_of = made_of
            rest = [one for one in studies if one.key not in listed]
            self._rest = [_of_study(one, LAST + i, known) for i, one in enumerate(rest)]
        return self._rest

    def _settings_of(self, run: QueuedRun) -> Settings:
        if run.key not in self._settings:
            self._settings[run.key] = sibling_settings(run.spec)
        return self._settings[run.key]

    def _of_run(
        self,
        run: QueuedRun,
        waiting: Mapping[int, int],
        study: StudySummary | None,
        known: Known,
    ) -> StudyRow:
        form, word = run.order.form, f"{ICONS[run.state]} {_progress(run) or run.state}"
        if run.state == WAITING:
            word = f"{word} {waiting[run.number]}"
        word += known.on_screen(run.key)
        network = form.model or run.spec.get("model", {}).get("name", "")
        samples = len(run.order.forget) or len(run.spec.get("forget", ()))
        facts = known.facts(run.key)
        return StudyRow(
            state=run.state,
            word=word,
            number=run.number,
            key=study.key if study is not None else run.key if run.state == DONE else "",
            place=float(run.number),
            time=_duration(run),
            seconds=run.seconds,
            dataset=run.order.label,
            network=known.label("model", network) if network else "",
            methods=known.methods(form.methods),
            forget=samples,
            forget_text=f"{samples:,}" if samples else form.forget,
            seed=form.seed,
            perturbation=form.perturbation,
            draws=form.draws,
            settings=self._settings_of(run) if run.key and run.spec else {},
            fraction=_fraction(run),
            error=run.error,
            **{**facts, "differs": facts["differs"] or run.order.swept},
            **(_written(study) if study is not None else {}),
        )


def number_in(text: str) -> float:
    """The number that a setting's text is, NaN if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _one_per_study(runs: Sequence[QueuedRun]) -> list[QueuedRun]:
    """The runs without those whose study has another run, live or later, in the list."""
    chosen: dict[object, QueuedRun] = {}
    for run in runs:
        same = run.key or run.number
        other = chosen.get(same)
        if other is None or PRECEDENCE.index(run.state) <= PRECEDENCE.index(other.state):
            chosen[same] = run
    listed = {run.number for run in chosen.values()}
    return [run for run in runs if run.number in listed]


def _word(one: StudySummary) -> str:
    if not one.origins:
        return STORED
    return EXAMPLE if one.origins[-1].source == example.SOURCE else IMPORTED


def _of_study(one: StudySummary, place: float, known: Known) -> StudyRow:
    return StudyRow(
        state=STORED,
        word=f"{STORED_ICON} {_word(one)}{known.on_screen(one.key)}",
        number=0,
        key=one.key,
        place=place,
        time=clock(one.seconds),
        seconds=one.seconds,
        dataset=known.label("dataset", one.dataset),
        network=known.label("model", one.model),
        methods=known.methods(one.methods),
        forget=one.forget,
        forget_text=f"{one.forget:,}",
        seed=one.seed,
        perturbation=one.perturbation,
        draws=one.draws,
        settings=one.settings,
        **known.facts(one.key),
        **_written(one),
    )


def _written(one: StudySummary) -> dict[str, Any]:
    return {"created": one.created, "name": one.name, "tags": one.tags, "notes": one.notes}


def _fraction(run: QueuedRun) -> float:
    if run.state != RUNNING:
        return -1.0
    return run.progress.fraction if run.progress else 0.0


def _progress(run: QueuedRun) -> str:
    """'42 %, 0:12 left' of the running study; '' before there is progress, and for others."""
    if run.state != RUNNING or run.progress is None:
        return ""
    percent = f"{round(100 * run.progress.fraction)} %"
    return percent if run.progress.left is None else f"{percent}, {clock(run.progress.left)} left"


def _duration(run: QueuedRun) -> str:
    """How long an ended run took; '' for others."""
    return clock(run.seconds) if run.state in (DONE, STOPPED, FAILED) and run.seconds else ""
