"""The tables of a report, with their notes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.analysis.finding import Finding
from engine.analysis.finding_words import Link
from engine.analysis.model_table import RESIDUAL, ModelCell, ModelRow, ModelTable, Quantity
from engine.metrics import COMPARED
from engine.report.document import Grid, Linked
from engine.report.settings import Setting, shown
from engine.residual.prediction import prediction
from engine.residual.verdict import DASH, VERDICTS, verdict_counts
from engine.results import Curve, Residual, Study
from engine.tables.study_text import percent, undefined_cells, undefined_heads

UNDEFINED = (
    "r compares how often an unlearned model and a Re-train recognize the same perturbed copies "
    "of a forget sample: it is 1 if both do so equally often, and above 1 if the unlearned model "
    "knows more than a model that never saw the sample. It is undefined where a Re-train "
    "recognizes no copy at all: that Re-train is left out of the sample's mean. Where many samples "
    "are undefined, as when a whole class is forgotten, the mean describes only the others; "
    "compare it with the pooled ratio and the prevalence, which include every sample."
)
NULL = (
    "The null band is the range of r between Re-trains. Of the pooled ratio there is also the "
    "interval in which one more Re-train lies with 95 % probability, at each norm and at all norms "
    "together: a curve within the latter is no evidence of residual knowledge; a curve above it is."
)


def finding(found: Finding) -> Linked:
    """The sentence on a model; its numbers lead to the lists of samples and to the rows of tau."""
    label = found.name
    pieces = [(one.text, _target(one.link) if one.link else "") for one in found.sentence]
    first, anchor = pieces[0]
    return Linked(label, ((first.removeprefix(label), anchor), *pieces[1:]))


def finding_samples(found: Sequence[Finding]) -> Grid | None:
    """The samples that the sentences count, the worst first; None without any."""
    lists = [(one, link) for one in found for link in one.links if link.samples]
    if not lists:
        return None
    rows = tuple(
        (one.name, f"{len(link.samples):,}", ", ".join(map(str, link.samples)))
        for one, link in lists
    )
    anchors = tuple(_target(link) for _, link in lists)
    caption = "Forget samples recognized more often than by the Re-trains, the worst first"
    return Grid(caption, ("model", "samples", "indices"), rows, 3, anchors)


def _target(link: Link) -> str:
    return f"samples-{link.model}" if link.samples else f"tau-{link.tau:g}"


def metrics(board: ModelTable) -> Grid:
    """Accuracies and all other measures of each model, with gaps to Re-train."""
    header = ("model", *(_title(one, board) for one in board.quantities))
    rows = [line for row in board.rows for line in _lines(row, board.quantities)]
    return Grid("Measures of every model", header, tuple(rows))


def residual(study: Study) -> Grid:
    """r over tau with intervals, null band and the number of samples without r."""
    found = study.residual
    names = [study.labels.get(name, name) for name in found.curves]
    rows = []
    for t, tau in enumerate(found.taus):
        cells = [_interval(one, t) for one in found.curves.values()]
        band = _range(found.null_low[t], found.null_high[t])
        rows.append((f"{tau:g}", *cells, band, *undefined_cells(found, t)))
    heads = [f"undefined{of}" for of in undefined_heads(study)]
    caption = "Residual knowledge r [95 % interval] at each perturbation norm τ"
    anchors = tuple(f"tau-{tau:g}" for tau in found.taus)
    return Grid(caption, ("τ", *names, "null band", *heads), tuple(rows), anchors=anchors)


def pooled(study: Study) -> Grid:
    """The ratio of summed counts and the prevalence, at each tau."""
    found, own = study.residual, prediction(study.residual)
    names = [study.labels.get(name, name) for name in found.curves]
    rows = [
        (f"{tau:g}", *(f"{_number(one.pooled[t], 3)} ({percent(one.prevalence[t])})"
                       for one in found.curves.values()),
         _range(own.low[t], own.high[t]), _range(own.grid_low[t], own.grid_high[t]))
        for t, tau in enumerate(found.taus)
    ]  # fmt: skip
    caption = (
        "Pooled ratio: the model's right answers over the mean of the Re-trains' (and prevalence: "
        "forget samples recognized more often than by Re-train), and where one more Re-train lies"
    )
    heads = ("one more Re-train, at τ", "at all τ together")
    return Grid(caption, ("τ", *names, *heads), tuple(rows))


def verdicts(study: Study) -> Grid:
    """The number of forget samples with each verdict over the whole grid of tau."""
    names = study.residual.curves
    rows = [_verdict(study.residual, name, study.labels.get(name, name)) for name in names]
    return Grid("Forget samples by verdict", ("model", *VERDICTS.values()), tuple(rows))


def settings(caption: str, found: Sequence[Setting]) -> Grid:
    """Settings with their value and the recommended one."""
    rows = tuple(
        (one.owner, one.name.replace("_", " "), _with_unit(one), shown(one.usual), one.help)
        for one in found
    )
    return Grid(caption, ("of", "setting", "value", "recommended", "meaning"), rows, left=5)


def _with_unit(one: Setting) -> str:
    return f"{shown(one.value)} {one.unit}".strip()


def _title(quantity: Quantity, board: ModelTable) -> str:
    at = f" at τ {board.tau:g}" if quantity.at_tau else ""
    return f"{quantity.label}{at}" + (f" ({quantity.unit})" if quantity.unit else "")


def _lines(row: ModelRow, quantities: Sequence[Quantity]) -> list[tuple[str, ...]]:
    """The model's line and, below it, the published one."""
    made = [(row.name, *(_cell(row.entry(one.name), one) for one in quantities))]
    if any(entry.published for entry in row.entries.values()):
        theirs = (_published(row.entry(one.name), one) for one in quantities)
        made.append((f"{row.label}, published", *theirs))
    return made


def _cell(entry: ModelCell, quantity: Quantity) -> str:
    text = quantity.of(entry)
    if math.isfinite(entry.deviation):
        text += f" ± {quantity.text(entry.deviation)}"
    if quantity.name == RESIDUAL and math.isfinite(entry.low):
        return f"{text} [{entry.low:.2f}, {entry.high:.2f}]"
    if quantity.name in COMPARED and math.isfinite(entry.gap):
        return f"{text} ({entry.gap:+.{quantity.digits}f})"
    return text


def _published(entry: ModelCell, quantity: Quantity) -> str:
    figure = entry.published
    if figure is None:
        return ""
    if figure.mean is None:
        return figure.text
    spread = "" if figure.std is None else f" ± {quantity.text(figure.std)}"
    return quantity.text(figure.mean) + spread


def _verdict(found: Residual, name: str, label: str) -> tuple[str, ...]:
    counts = verdict_counts(found, name)
    return (label, *(DASH if counts is None else str(counts[word]) for word in VERDICTS.values()))


def _interval(found: Curve, t: int) -> str:
    if not math.isfinite(found.mean[t]):
        return "undefined"
    return f"{found.mean[t]:.3f} {_range(found.low[t], found.high[t])}"


def _range(low: float, high: float) -> str:
    return f"[{low:.3f}, {high:.3f}]" if math.isfinite(low) and math.isfinite(high) else "–"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"
