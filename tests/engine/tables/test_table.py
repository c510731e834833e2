from __future__ import annotations

import csv
import io
import json
import math

import pytest

from engine.paper.presets import Figure
from engine.tables import latex
from engine.tables import table as tables
from engine.tables.table import Cell, Column, Report, Table, row_of

ACC = Column("unlearn_acc", "Unlearn", "%")
GAP = Column("avg_gap", "Gap", "% points")
RELEARN = Column("relearn_epochs", "Re-learn", "epochs", most=30)


def report(*rows: tables.TableRow, quick: bool = False) -> Report:
    table = Table("accuracies", "Accuracies", "method", (ACC, GAP, RELEARN), rows)
    return Report(
        "toy", "A toy_table", quick, (131, 42), "Someone et al.", ("50 % noise",), (table,)
    )


RURK = row_of(
    "rurk",
    "RURK",
    {"unlearn_acc": [10.0, 14.0], "avg_gap": [2.0, 2.0], "relearn_epochs": [31.0, 31.0]},
    published={
        "unlearn_acc": Figure(14.63, 2.17),
        "avg_gap": Figure(26.47, printed=18.89),
        "relearn_epochs": Figure(None, text=">30"),
    },
)
NTK = row_of("ntk", "NTK", {}, refused="NTK needs 4 TiB; raise ntk.budget.")


def test_a_cell_is_mean_and_deviation_over_seeds_with_the_gap() -> None:
    cell = RURK.cells["unlearn_acc"]
    assert cell.mean == 12
    assert cell.std == 2  # divisor n: the paper's 4.67±3.3 of whole percents leaves no other
    assert cell.gap == pytest.approx(12 - 14.63)
    assert Cell((math.nan, 3.0)).mean == 3
    assert Cell((3.0,)).std is None
    assert Cell().mean is None
    assert Cell((1.0,)).gap is None


def test_text_has_ours_paper_and_gap_beneath_each_other() -> None:
    lines = tables.text(report(RURK, NTK)).splitlines()
    ours = next(i for i, line in enumerate(lines) if line.startswith("RURK"))
    assert lines[ours].split() == ["RURK", "ours", "12.00±2.00", "2.00±0.00", ">30"]
    assert lines[ours + 1].split() == ["paper", "14.63±2.17", "26.47", "(printed", "18.89)", ">30"]
    assert lines[ours + 2].split() == ["gap", "-2.63", "-24.47", "-"]


def test_a_refusal_is_a_footnote_and_no_crash() -> None:
    made = tables.text(report(RURK, NTK))
    assert "NTK [1]" in made
    assert "[1] NTK needs 4 TiB; raise ntk.budget." in made
    assert "$^{1}$ NTK needs 4 TiB" in latex.latex(report(NTK), report(NTK).tables[0])


def test_values_past_what_is_counted_are_marked() -> None:
    mixed = row_of("cf-k", "CF-k", {"relearn_epochs": [17.0, 31.0]})
    shown = tables.text(report(mixed)).splitlines()[5].split()
    assert shown == ["CF-k", "-", "-", "≥24.00"]  # no deviation over a lower bound
    past = row_of("ssd", "SSD", {"relearn_epochs": [31.0]}, published={"relearn_epochs": Figure(2)})
    assert tables.text(report(past)).splitlines()[7].split() == ["gap", "-", "-", "-"]


def test_without_published_figures_there_is_one_line_a_row() -> None:
    made = report(row_of("gd", "GD", {"unlearn_acc": [1.0]}))
    assert "paper" not in tables.text(made)
    assert "cmidrule" not in latex.latex(made, made.tables[0])
    assert "published" not in tables.as_csv(made, made.tables[0])


def test_the_csv_reads_back() -> None:
    made = report(RURK, NTK)
    rows = list(csv.DictReader(io.StringIO(tables.as_csv(made, made.tables[0]))))
    assert rows[0]["unlearn_acc_mean"] == "12"
    assert rows[0]["unlearn_acc_published"] == "14.63"
    assert rows[0]["avg_gap_published_printed"] == "18.89"
    assert rows[0]["relearn_epochs_published"] == ">30"
    assert rows[1]["unlearn_acc_mean"] == ""
    assert rows[1]["refused"].startswith("NTK needs")


def test_the_latex_is_booktabs_with_signs_escaped_and_as_many_cells_as_columns() -> None:
    made = report(RURK, NTK)
    text = latex.latex(made, made.tables[0])
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\cmidrule(lr){2-4}"):
        assert rule in text
    assert r"A toy\_table" in text
    assert r"50 \% noise" in text
    assert r"$12.00 \pm 2.00$" in text
    bodies = [line for line in text.splitlines() if line.strip().startswith(("RURK", "NTK"))]
    assert [line.count("&") for line in bodies] == [9, 9]
    assert text.count("{") == text.count("}")


def test_the_json_is_strict_and_has_every_value() -> None:
    found = json.loads(json.dumps(tables.as_json(report(RURK, NTK)), allow_nan=False))
    cells = found["tables"][0]["rows"][0]["cells"]
    assert cells["unlearn_acc"]["values"] == [10.0, 14.0]
    assert cells["avg_gap"]["published"] == 26.47
    assert found["tables"][0]["rows"][1]["refused"].startswith("NTK needs")


def test_every_output_says_that_it_is_the_quick_variant() -> None:
    made = report(RURK, quick=True)
    table = made.tables[0]
    assert "QUICK" in tables.text(made)
    assert "QUICK" in latex.latex(made, table)
    assert "QUICK" in tables.as_json(made)["title"]
    assert tables.as_csv(made, table).splitlines()[1].startswith("toy,yes,")
    assert "QUICK" not in tables.text(report(RURK))


def test_recomputed_gaps_are_explained_where_they_stand() -> None:
    assert "does not follow" in tables.text(report(RURK))
    assert "does not follow" not in tables.text(report(NTK))
