"""The columns of the Runs table: what is known of a study, its settings, and its measures."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.analysis.model_table import Quantity
from engine.analysis.study_measures import (
    RANKED,
    StudyMeasures,
    goal_words,
    quantity_named,
)
from engine.study.siblings import setting_title
from explorer.views.runs.rows import StudyRow, number_in

Value = float | str  # NaN and '' are undefined, and come last
MEASURE, SETTING = "measure:", "setting:"  # prefixes of names
STATE, TIME, DATASET, NAME, DIFFERS, TAGS, NOTES = (
    "state", "time", "dataset", "name", "differs", "tags", "notes",
)  # fmt: skip
EDITABLE = (NAME, TAGS)
WORDS = (DIFFERS, "methods", NOTES, TAGS, "created")  # columns whose texts may be elided
NAMED_MEASURE = re.compile(
    r"measure:(?P<measure>\w+)(?::(?P<model>[\w.\- ]+))?(?:@(?P<tau>[0-9.eE\-+]+))?"
)


@dataclass(frozen=True)
class Column:
    """One column. name: in sessions; text, value: of a row; numeric: aligned to the right.

    quantity, model, tau: of a measure; model '' is the chosen one, tau NaN the one on screen;
    below: a second line of the title; words: the title in one line, '' for both of them.
    """

    name: str
    title: str
    tip: str
    text: Callable[[StudyRow], str]
    value: Callable[[StudyRow], Value]
    numeric: bool = False
    below: str = ""
    quantity: Quantity | None = None
    model: str = ""
    tau: float = math.nan
    words: str = ""

    @property
    def full_title(self) -> str:
        """The title in one line: 'Gap of RURK'."""
        return self.words or f"{self.title} {self.below}".strip()

    def cost(self, row: StudyRow) -> float:
        """How far the row is from the goal of the measure; NaN if unknown or not a measure."""
        if self.quantity is None or row.measures is None:
            return math.nan
        at = row.tau if math.isnan(self.tau) else self.tau
        return row.measures.cost(self.quantity, self.model or row.model, at)


def _own(
    name: str, title: str, tip: str, text: Callable[[StudyRow], str],
    value: Callable[[StudyRow], Value] | None = None, *, numeric: bool = False,
) -> Column:  # fmt: skip
    return Column(name, title, tip, text, value or text, numeric)


OWN: tuple[Column, ...] = (
    _own(
        STATE,
        "State",
        "Waiting (with its place in the queue), running (with its progress and remaining time), "
        "done, stopped, failed, on hold since an earlier session (Start queues it), stored by an "
        "earlier session, imported: opened from a bundle or from another store, or the example "
        "that comes with the program",
        lambda row: row.word,
        lambda row: row.place,
    ),
    _own(
        TIME,
        "Time",
        "How long the study ran, in hours, minutes and seconds",
        lambda row: row.time,
        lambda row: row.seconds,
        numeric=True,
    ),
    _own(
        NAME,
        "Name",
        "A name of your own: F2 or a double click writes one. It is shown in menus and legends",
        lambda row: row.name,
        lambda row: row.name.casefold(),
    ),
    _own(
        DIFFERS,
        "Differs",
        "The settings that tell the study apart from the others of its dataset",
        lambda row: row.differs,
        lambda row: _natural(row.differs),
    ),
    _own(DATASET, "Dataset", "The dataset", lambda row: row.dataset),
    _own("methods", "Methods", "The unlearning methods that are compared", lambda row: row.methods),
    _own(
        "forget",
        "Forget",
        "Number of samples to forget",
        lambda row: row.forget_text,
        lambda row: float(row.forget) if row.forget else math.nan,
        numeric=True,
    ),
    _own(
        "seed", "Seed", "Seed of the whole study", lambda row: str(row.seed),
        lambda row: float(row.seed), numeric=True,
    ),
    _own("network", "Model", "The network architecture", lambda row: row.network),
    _own(
        "perturbation", "Perturbation", "How copies are perturbed", lambda row: row.perturbation
    ),
    _own(
        "draws", "Draws", "Perturbed copies of each sample", lambda row: f"{row.draws:,}",
        lambda row: float(row.draws), numeric=True,
    ),
    _own(
        TAGS,
        "Tags",
        "Your tags, separated by spaces: a double click edits them; filter by tag:word",
        lambda row: " ".join(row.tags),
        lambda row: " ".join(row.tags).casefold(),
    ),
    _own(
        NOTES,
        "Notes",
        "The first line of your notes; Notes below the table edits them",
        lambda row: row.notes.partition("\n")[0],
        lambda row: row.notes.casefold(),
    ),
    _own("created", "Created (UTC)", "When the study was stored", lambda row: row.day),
)  # fmt: skip
DEFAULT = (
    STATE, DATASET, NAME, DIFFERS, "measure:residual", "measure:pooled", "measure:avg_gap",
    "measure:unlearn_acc", "measure:retain_acc", "forget", "methods", TIME, "created",
)  # fmt: skip


def setting_column(name: str) -> Column:
    """The column of a setting such as 'rurk.tau'."""
    owner, dot, last = setting_title(name).rpartition(".")
    return Column(
        f"{SETTING}{name}", last if dot else owner or last, f"The setting {name}",
        lambda row: row.settings.get(name, ""),
        lambda row: _sortable(row.settings.get(name, "")),
        True, owner if dot else "setting",
    )  # fmt: skip


def measure_column(
    quantity: Quantity, label: str, model: str = "", tau: float = math.nan, shown_tau: float = 0.0
) -> Column:
    """The column of a measure. label: of its model; shown_tau: on screen, where `tau` is NaN."""
    name = f"{MEASURE}{quantity.name}{f':{model}' * bool(model)}"
    at, follows = "", math.isnan(tau)
    if quantity.at_tau:
        name += "" if follows else f"@{tau:g}"
        shown = shown_tau if follows else tau
        at = "" if math.isnan(shown) else f" at τ {shown:g}"
    unit = f" ({quantity.unit})" if quantity.unit else ""
    percent = ", %" if quantity.unit == "%" else ""  # other units are in the tooltip
    words = f"{quantity.label}{f' of {label}' if label else ''}{at}"
    tip = f"{words}{unit}: {quantity.help}; {goal_words(quantity)}."
    if quantity.at_tau and follows:
        tip += " It is read at the τ of the other views."
    return Column(
        name, quantity.label, tip,
        lambda row: _measured(quantity, row.measure(quantity.name, model, tau), row),
        lambda row: row.measure(quantity.name, model, tau),
        True, f"{label}{percent}{at.replace(' at', ',')}", quantity, model, tau, words,
    )  # fmt: skip


def columns_named(
    names: Iterable[str],
    label: Callable[[str], str],
    chosen: str,
    shown_tau: float,
    settings: Iterable[str],
) -> list[Column]:
    """The columns of these names; settings that no study has, and unknown names, are left out.

    label: display name of a model; chosen: the model of measures that name none.
    """
    own = {one.name: one for one in OWN}
    known = set(settings)
    result: dict[str, Column] = {}
    for name in names:
        measure = NAMED_MEASURE.fullmatch(name)
        quantity = quantity_named(measure["measure"]) if measure else None
        if name in own:
            result[name] = own[name]
        elif measure is not None and quantity is not None:
            model = measure["model"] or ""
            tau = _tau(measure["tau"])
            result[name] = measure_column(quantity, label(model or chosen), model, tau, shown_tau)
        elif name.startswith(SETTING) and name.removeprefix(SETTING) in known:
            result[name] = setting_column(name.removeprefix(SETTING))
    return list(result.values())


def is_column(name: str) -> bool:
    """Whether this could be the name of a column: those in sessions are checked by it."""
    measure = NAMED_MEASURE.fullmatch(name)
    if measure is not None:
        return quantity_named(measure["measure"]) is not None
    return name in {one.name for one in OWN} or name.startswith(SETTING)


def measure_names(model: str = "", tau: float = math.nan) -> list[tuple[str, Quantity]]:
    """(name of its column, measure) for every measure of a model."""
    return [
        (measure_column(one, "", model, tau if one.at_tau else math.nan).name, one)
        for one in RANKED
    ]


def best_rows(column: Column, rows: Sequence[StudyRow]) -> list[StudyRow]:
    """The best study of each dataset by this measure, where at least two are known and differ.

    Several where they are equally good.
    """
    costs: dict[str, list[tuple[float, StudyRow]]] = {}
    for row in rows:
        cost = column.cost(row)
        if math.isfinite(cost):
            costs.setdefault(row.dataset, []).append((cost, row))
    best = []
    for pairs in costs.values():
        least = min(cost for cost, _ in pairs)
        equal = [row for cost, row in pairs if math.isclose(cost, least, abs_tol=1e-12)]
        if len(equal) < len(pairs):
            best += equal
    return best


def models_in(studies: Iterable[StudyMeasures]) -> dict[str, str]:
    """name -> label of every model that was measured, methods first, the most frequent ahead."""
    labels: dict[str, str] = {}
    counts: dict[str, int] = {}
    for study in studies:
        for name, label in study.labels.items():
            labels.setdefault(name, label)
            counts[name] = counts.get(name, 0) + 1
    references = ("original", "retrain")
    order = sorted(counts, key=lambda name: (name in references, -counts[name]))
    return {name: labels[name] for name in order}


def sheet(
    columns: Sequence[Column], rows: Sequence[StudyRow]
) -> tuple[list[str], list[list[Value]]]:
    """(header, rows) for CSV: texts as shown, numbers in full."""
    header = [one.full_title for one in columns]
    cells = [[_cell(column, row) for column in columns] for row in rows]
    return header, cells


def _cell(column: Column, row: StudyRow) -> Value:
    value = column.value(row)
    if column.quantity is not None and isinstance(value, float):
        return value if math.isfinite(value) else ""
    return column.text(row)


def _measured(quantity: Quantity, value: float, row: StudyRow) -> str:
    if row.measures is None:
        return ""
    return quantity.text(value)


def _sortable(text: str) -> Value:
    number = number_in(text)
    return text.casefold() if math.isnan(number) else number


def _natural(text: str) -> str:
    """The text with its whole numbers padded, so that 'seed 2' comes before 'seed 12'."""
    return re.sub(r"\d+", lambda match: match[0].zfill(12), text.casefold())


def _tau(text: str | None) -> float:
    try:
        return float(text) if text else math.nan
    except ValueError:
        return math.nan


TITLES: Mapping[str, str] = {one.name: one.title for one in OWN}
