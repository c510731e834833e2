from __future__ import annotations

from dataclasses import replace

import numpy as np
import paper
import pytest
import synthetic
from mouse import STEP
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shown import Shown

from engine.errors import CheckpointError
from engine.results import Study, StudySummary
from engine.runtime.progress import Reporter
from engine.study.family import family
from engine.study.siblings import sibling_settings
from explorer.jobs import probe_tasks
from explorer.plots.runs_button import RunsButton
from explorer.views.curves.tabs import ACCURACY, DISAGREEMENT, LOSS, RESIDUAL
from explorer.views.curves.view import CurvesView
from explorer.views.metrics import MetricsView

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SEED_7 = "0123456789abcdef0007"


def summary(study: Study) -> StudySummary:
    spec = study.spec
    return StudySummary(
        study.key, spec["data"]["name"], "mlp", len(spec["forget"]), ("rurk", "gd"), "gaussian",
        100, spec["seed"], "2026-01-02T03:04:05Z", 1.0, family(spec),
        settings=sibling_settings(spec),
    )  # fmt: skip


def higher(study: Study, by: float) -> Study:
    """The study with GD's r larger by so much everywhere."""
    gd = study.residual.curves["gd"]
    curves = {**study.residual.curves, "gd": replace(gd, mean=gd.mean + by)}
    return replace(study, residual=replace(study.residual, curves=curves))


@pytest.fixture
def view(shown: Shown) -> CurvesView:
    study = synthetic.study()
    shown.state.dataset = synthetic.images()
    shown.state.study, shown.state.residual = study, study.residual
    seeds, other = synthetic.study(seed=7), synthetic.study(tau=0.2)
    shown.state.studies = tuple(map(summary, (study, seeds, other)))
    made = shown.view(CurvesView)
    made.tabs.setCurrentIndex(RESIDUAL)
    made.grab()
    return made


def click_run(button: RunsButton, words: str) -> None:
    """Click an entry of the menu of runs."""
    menu = button.runs
    menu.popup(button.mapToGlobal(QPoint(0, button.height())))
    action = next(one for one in menu.actions() if words in one.text())
    QTest.mouseClick(menu, LEFT, NONE, menu.actionGeometry(action).center())
    menu.close()


def pixel(view: CurvesView, x: float, y: float) -> QPoint:
    plot = view.charts[view.tabs.currentIndex()].plot
    at: QPoint = plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(x, y)))
    return at


def hide(view: CurvesView, model: str) -> None:
    """Click on the name of a model at the end of its curve."""
    view.grab()
    chart = view.tabs.chart
    at = chart.notes.boxes()[model].center().toPoint()
    QTest.mouseClick(chart.plot.viewport(), LEFT, NONE, at)


# -- choosing ---------------------------------------------------------------------------------
def test_the_menu_lists_other_seeds_first_and_not_the_open_study(view: CurvesView) -> None:
    texts = [action.text() for action in view.runs.runs.actions()]
    assert texts[1:] == [
        "Mean over seeds",
        "This study (seed 131) with other seeds",
        "seed 7, tau 0.1 · 2026-01-02 03:04",
        "Same dataset, other settings",
        "seed 131, tau 0.2 · 2026-01-02 03:04",
    ]


def test_the_first_line_of_the_menu_finds_studies_and_names_come_first(
    view: CurvesView, shown: Shown
) -> None:
    first, *rest = shown.state.studies
    grid = [replace(synthetic.study(seed=seed, tau=0.3), key=f"{seed:020x}") for seed in range(40)]
    named = replace(rest[0], name="for the paper", tags=("best",))
    shown.state.studies = (first, named, *rest[1:], *map(summary, grid))
    button = view.runs
    button.runs.popup(button.mapToGlobal(QPoint(0, button.height())))

    def entries() -> list[str]:
        return [action.text() for action in button.runs.actions() if action.data()]

    listed = entries()
    assert listed[0].startswith("for the paper · seed 7, ")
    assert len(listed) == len(set(listed)) < 42  # the others are counted below
    assert "the search above finds them" in button.runs.actions()[-1].text()
    QTest.keyClicks(button.search, "seed 33")
    # nearly all of them have tau 0.3, which is not said of each
    assert [text.partition(" · ")[0] for text in entries()] == ["seed 33"]
    button.search.clear()
    QTest.keyClicks(button.search, "BEST")
    assert entries() == [listed[0]]
    QTest.keyClicks(button.search, "no such study")
    assert button.runs.actions()[-1].text() == "No study matches."
    button.runs.close()


def test_no_two_studies_of_a_grid_have_the_same_legend_or_entry(
    view: CurvesView, shown: Shown
) -> None:
    grid = [
        replace(synthetic.study(seed=seed, tau=tau), key=f"{seed}{tau:.1f}".replace(".", "a") * 4)
        for seed in (1, 2)
        for tau in (0.1, 0.2, 0.4)
    ]
    longer = [
        replace(one, key=f"{one.key}ff", spec={**one.spec, "train": {"epochs": 30, "lr": 0.2}})
        for one in grid
    ]
    shown.state.studies = tuple(map(summary, (*grid, *longer)))
    entries = [action.text() for action in view.runs.runs.actions() if action.data()]
    assert len(set(entries)) == 12
    shown.state.beside = (*grid, *longer)
    legends = [view.curves.title(number) for number in view.curves.alone]
    assert len(set(legends)) == 12
    shown.state.beside = tuple(replace(one, name="mine") for one in grid)
    legends = [view.curves.title(number) for number in view.curves.alone]
    assert len(set(legends)) == 6
    assert all(title.startswith("mine") for title in legends)


def test_a_click_in_the_menu_asks_for_a_study_and_another_takes_it_back(
    view: CurvesView, shown: Shown
) -> None:
    click_run(view.runs, "seed 7")
    assert shown.last == ("compare", (SEED_7,))
    assert view.runs.text() == "Runs (1)"
    click_run(view.runs, "seed 7")
    assert shown.asked.calls[-1] == ("compare", ())


def test_both_views_follow_one_choice(view: CurvesView, shown: Shown) -> None:
    metrics = shown.view(MetricsView)
    click_run(metrics.runs, "seed 7")
    checked = [one.text() for one in view.runs.runs.actions() if one.isChecked()]
    assert checked == ["seed 7, tau 0.1 · 2026-01-02 03:04"]


def test_what_is_gone_from_the_store_is_left_out_and_told_of() -> None:
    class Engine:
        def study(self, key: str) -> Study:
            if key == "bad":
                raise CheckpointError("The study bad is damaged.")
            return synthetic.study()

    said: list[str] = []

    class Listening(Reporter):
        def on_log(self, message: str) -> None:
            said.append(message)

    found = probe_tasks.read_studies(None, ("bad", "good"), Engine(), Listening())  # type: ignore[arg-type]
    assert len(found) == 1
    assert said == ["The study bad is damaged."]


# -- drawing ----------------------------------------------------------------------------------
def test_another_run_has_the_same_colors_thinner_with_its_own_dash(
    view: CurvesView, shown: Shown
) -> None:
    shown.state.beside = (synthetic.study(seed=7), synthetic.study(tau=0.2))
    drawn = view.residual.curves
    assert set(drawn) == {
        f"{m}{run}" for m in ("original", "rurk", "gd") for run in ("", "@1", "@2")
    }
    pens = [drawn[name].opts["pen"] for name in ("gd", "gd@1", "gd@2")]
    assert len({pen.color().name() for pen in pens}) == 1
    assert pens[1].widthF() < pens[0].widthF()
    assert pens[1].dashPattern() != pens[2].dashPattern()
    words = view.residual.legend.accessibleDescription()
    assert words == "seed 7, rurk.tau 0.2"


def test_a_click_on_a_run_in_the_legend_hides_its_curves(view: CurvesView, shown: Shown) -> None:
    shown.state.beside = (synthetic.study(seed=7),)
    legend = view.residual.legend
    QTest.mouseClick(legend, LEFT, NONE, legend.box_of(f"@{SEED_7}").center().toPoint())
    assert set(view.residual.curves) == {"original", "rurk", "gd"}
    hide(view, "gd")
    QTest.mouseClick(legend, LEFT, NONE, legend.box_of(f"@{SEED_7}").center().toPoint())
    assert set(view.residual.curves) == {"original", "rurk", "original@1", "rurk@1"}


def test_the_mean_over_seeds_has_their_range_as_band(view: CurvesView, shown: Shown) -> None:
    shown.state.beside = (higher(synthetic.study(seed=7), 0.4),)
    click_run(view.runs, "Mean over seeds")
    assert set(view.residual.curves) == {"original", "rurk", "gd"}
    y = view.residual.curves["gd"].getData()[1]
    np.testing.assert_allclose(y, 1.2 + 0.4 * np.linspace(0, 1, 11))
    box = view.residual.bands["gd"].path().boundingRect()
    assert (box.top(), box.bottom()) == pytest.approx((1.0, 1.8))
    assert "means over the seeds 7, 131, bands their range" in view.note.text()
    assert "null band of 2 seeds" in view.residual.accessibleDescription()


def test_the_crosshair_reads_the_other_runs_too(view: CurvesView, shown: Shown) -> None:
    shown.state.beside = (higher(synthetic.study(seed=7), 0.4),)
    view.grab()
    QTest.mouseMove(view.residual.plot.viewport(), pixel(view, 0.39, 1.9))
    shown.qtbot.waitUntil(lambda: "τ 0.4" in view.residual.card.text())
    assert "GD r 1.4 [1.3, 1.5] (seed 7: 1.80)" in view.residual.card.text()


def test_the_samples_of_another_run_are_listed_where_the_data_are_the_same(
    view: CurvesView, shown: Shown
) -> None:
    other = higher(synthetic.study(seed=7), 0.4)
    counts = {name: found.copy() for name, found in other.residual.counts.items()}
    counts["gd"][:3] = 80
    other = replace(other, residual=replace(other.residual, counts=counts))
    shown.state.beside = (other,)
    view.grab()
    QTest.mouseClick(view.residual.plot.viewport(), LEFT, NONE, pixel(view, 0.16, 1.56))
    assert shown.asked.calls[0] == ("select", [1, 5, 9], "replace")
    assert "in GD at τ 0.16 (seed 7); they are selected." in view.samples.words.text()


def test_the_samples_of_other_data_are_not_mistaken_for_these(
    view: CurvesView, shown: Shown
) -> None:
    other = higher(synthetic.study(seed=7), 0.4)
    counts = {**other.residual.counts, "gd": other.residual.counts["gd"] + 30}
    spec = {**other.spec, "data": {**other.spec["data"], "fingerprint": "else"}}
    shown.state.beside = (
        replace(other, spec=spec, residual=replace(other.residual, counts=counts)),
    )
    view.grab()
    QTest.mouseClick(view.residual.plot.viewport(), LEFT, NONE, pixel(view, 0.16, 1.56))
    assert shown.asked.calls == [("set_probe", "gaussian", 0.16)]
    assert not view.samples.isVisible()
    assert "That study uses another dataset" in view.residual.message.text()


def test_a_study_of_another_dataset_is_not_drawn_beside(view: CurvesView, shown: Shown) -> None:
    other = synthetic.study(seed=7)
    spec = {**other.spec, "data": {**other.spec["data"], "name": "cifar10"}}
    shown.state.beside = (replace(other, spec=spec), synthetic.study(tau=0.2))
    assert set(view.residual.curves) == {
        *("original", "rurk", "gd"),
        *("original@1", "rurk@1", "gd@1"),
    }
    assert view.residual.legend.accessibleDescription() == "rurk.tau 0.2"


# -- published --------------------------------------------------------------------------------
@pytest.fixture
def published(shown: Shown) -> CurvesView:
    study = paper.study()
    shown.state.dataset = paper.dataset()
    shown.state.study, shown.state.residual = study, study.residual
    view = shown.view(CurvesView)
    view.tabs.setCurrentIndex(RESIDUAL)
    return view


def test_published_curves_are_overlaid_with_their_source(published: CurvesView) -> None:
    published.tabs.setCurrentIndex(ACCURACY)
    curve = published.accuracy.curves["rurk@published"]
    x, y = curve.getData()
    assert len(x) == 11
    assert (x[0], y[0]) == (0, pytest.approx(14))
    assert curve.opts["pen"].widthF() < published.accuracy.curves["rurk"].opts["pen"].widthF()
    note = published.note.text()
    assert "arXiv:2601.22359" in note
    assert "preset 'small-cifar5'" in note
    assert "table of unlearn accuracy on perturbed forget samples on the setting of" in note
    published.tabs.setCurrentIndex(DISAGREEMENT)
    assert "table of disagreement with Re-train" in published.note.text()
    published.tabs.setCurrentIndex(ACCURACY)
    assert "no pre-training" in note
    assert "train.epochs 30 instead of 25" in note


def test_published_curves_can_be_hidden_and_carry_no_samples(
    published: CurvesView, shown: Shown
) -> None:
    published.tabs.setCurrentIndex(DISAGREEMENT)
    published.grab()
    x, y = published.disagreement.curves["ntk@published"].getData()
    at = pixel(published, float(x[-1]), float(y[-1]))
    QTest.mouseClick(published.disagreement.plot.viewport(), LEFT, NONE, at)
    assert [call[0] for call in shown.asked.calls] == ["set_probe"]
    QTest.qWait(STEP)
    legend = published.disagreement.legend
    QTest.mouseClick(legend, LEFT, NONE, legend.box_of("@published").center().toPoint())
    assert not [name for name in published.disagreement.curves if name.endswith("published")]


def test_nothing_was_published_of_r_itself_nor_of_digits(
    published: CurvesView, view: CurvesView, shown: Shown
) -> None:
    assert not [name for name in published.residual.curves if "@" in name]
    shown.state.study, shown.state.dataset = synthetic.study(), synthetic.images()
    published.tabs.setCurrentIndex(ACCURACY)
    assert not [name for name in published.accuracy.curves if "@" in name]
    assert published.note.text() == ""


def test_the_table_has_published_rows_in_the_quiet_color(shown: Shown) -> None:
    shown.state.dataset, shown.state.study = paper.dataset(), paper.study()
    view = shown.view(MetricsView)
    names = [row[0].text for row in view.table.cells.rows]
    at = names.index("RURK, published")
    assert names[at - 1] == "RURK"
    cells = view.table.cells.rows[at]
    assert all(cell.quiet for cell in cells)
    titles = [one.title.split()[0] for one in view.table.cells.columns]
    assert cells[titles.index("Unlearn")].text == "5.67 ± 2.36"
    assert cells[titles.index("MIA")].text == "33.33 ± 12.26"  # though this study has none
    gd = view.table.cells.rows[names.index("GD, published")]
    assert (gd[titles.index("Gap")].text, gd[titles.index("Gap")].small) == (
        "26.47", "printed 18.89",
    )  # fmt: skip
    assert view.note.isVisible()
    assert "arXiv:2601.22359" in view.note.text()


# -- export and session -----------------------------------------------------------------------
def test_the_tab_that_is_shown_is_exported_as_it_is_shown(view: CurvesView, shown: Shown) -> None:
    shown.state.beside = (synthetic.study(seed=7),)
    hide(view, "gd")
    QTest.mouseClick(view.log, LEFT, NONE, QPoint(8, view.log.height() // 2))
    QTest.mouseClick(view.export_button, LEFT)
    wanted = {"measure": "residual", "hidden": ["gd"], "beside": [SEED_7], "mean": False}
    assert shown.last == ("ask_figure", "curves", {**wanted, "log": True})
    view.tabs.setCurrentIndex(LOSS)
    QTest.mouseClick(view.export_button, LEFT)
    assert shown.last == ("ask_figure", "curves", {**wanted, "measure": "loss"})


def test_a_session_keeps_the_runs_and_the_mean(view: CurvesView, shown: Shown) -> None:
    shown.state.compared = (SEED_7,)
    view.runs.set_mean(True)
    kept = view.view_state()
    shown.state.compared = ()
    again = shown.view(CurvesView)
    again.tabs.setCurrentIndex(RESIDUAL)
    again.restore_view_state(kept)
    assert shown.last == ("compare", (SEED_7,))
    assert again.view_state() == kept
    again.restore_view_state({"beside": [3, None], "mean": "x"})
    assert shown.state.compared == ()
    assert not again.runs.mean
    assert again.tabs.currentIndex() == RESIDUAL
    QApplication.processEvents()
