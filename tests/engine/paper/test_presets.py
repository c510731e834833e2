from __future__ import annotations

import math
from pathlib import Path

import pytest

from engine import registry
from engine.datasets.base import load
from engine.errors import SpecError
from engine.paper import presets
from engine.spec import DataSpec
from engine.study.compose import compose

ABLATIONS = ("lambda", "search", "tau", "v")
PRESETS = {
    "digits", "iris-figure1", "small-cifar5", "cifar10", "imagenet100", "small-cifar5-class",
    "cifar10-class", "small-cifar5-vgg11", *(f"small-cifar5-ablation-{one}" for one in ABLATIONS),
    "medical", "tabular", "text", "tuned-digits", "tuned-digits-rk",
    "tuned-fashion",
}  # fmt: skip


def test_a_preset_may_set_how_mia_is_measured() -> None:
    text = 'title = "x"\ndataset = "iris"\nmodel = "mlp"\nforget = "class:1"\n'
    found = presets.parsed(text + "[settings.mia-acc]\nbalanced = false\n", "x")
    assert found.settings == {"mia-acc": {"balanced": False}}


def test_every_preset_of_the_paper_and_of_other_domains_is_there() -> None:
    assert set(presets.names()) == PRESETS


@pytest.mark.parametrize("name", sorted(PRESETS))
@pytest.mark.parametrize("quick", [False, True])
def test_every_preset_names_what_exists_and_settings_that_are_taken(name: str, quick: bool) -> None:
    one = presets.preset(name, quick)
    assert registry.get("dataset", one.dataset)
    digits = load(DataSpec("digits"))  # images of ten classes: any network but VGG-11 takes them
    changes = {owner: dict(found) for owner, found in one.settings.items()}
    spec = compose(
        digits,
        model=one.model,
        forget="class:0:0.5",
        methods=one.methods,
        settings=changes,
        measures=one.measures,
        taus=one.taus,
        draws=one.draws,
        retrains=one.retrains,
    )
    assert [method.name for method in spec.methods] == list(one.methods)
    assert one.quick == quick
    assert one.retrains >= 2  # one Re-train alone draws no null band


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_quick_is_smaller_and_never_larger(name: str) -> None:
    full, quick = presets.preset(name), presets.preset(name, quick=True)
    assert quick.draws < full.draws
    assert quick.retrains <= full.retrains
    assert set(quick.seeds) <= set(full.seeds)
    assert not quick.pretrain
    assert quick.differences or name in ("digits", "iris-figure1")


def test_the_settings_are_those_of_the_paper() -> None:
    cifar10, small = presets.preset("cifar10"), presets.preset("small-cifar5")
    assert cifar10.settings["rurk"] == {"lambda_f": 0.03, "lambda_a": 0.00045}
    assert cifar10.settings["train"]["epochs"] == 137
    assert cifar10.settings["scrub"]["gamma"] == 0.6
    assert cifar10.settings["ngd"]["epochs"] == 2
    assert small.settings["ssd"]["alpha"] == 100
    assert small.pretrain["dataset"] == "cifar10"
    assert small.pretrain["train"]["lr"] == 0.4
    assert (small.settings["train"]["epochs"], small.settings["train"]["retrain_epochs"]) == (
        25,
        100,
    )
    whole = presets.preset("cifar10-class")
    assert whole.forget == "class:0"
    assert whole.settings["scrub"]["gamma"] == 75
    assert whole.settings["ga"]["epochs"] == whole.settings["neggrad-plus"]["epochs"] == 3
    assert whole.settings["rurk"] == cifar10.settings["rurk"]  # from its base
    assert small.seeds == (131, 42, 7)
    assert len(presets.preset("digits").methods) == 16  # beside Original and Re-train


def test_pre_training_that_has_seen_the_forget_set_is_told_where_it_is_done() -> None:
    small, quick = presets.preset("small-cifar5"), presets.preset("small-cifar5", quick=True)
    assert any("has shown every model the forget set" in one for one in small.differences)
    assert any("No pre-training" in one for one in quick.differences)
    assert not any("has shown" in one for one in quick.differences)


def test_an_unknown_preset_is_named_with_the_nearest_one() -> None:
    with pytest.raises(SpecError, match=r"no preset 'digit'\. Did you mean 'digits'\?"):
        presets.preset("digit")


def test_published_rows_bear_the_methods_names() -> None:
    for name in ("small-cifar5", "cifar10", "small-cifar5-vgg11"):
        one = presets.preset(name)
        rows = presets.table_of(one)
        assert {"original", "retrain", "rurk"} <= set(rows)
        assert set(rows) <= {"original", "retrain", *one.methods}
    assert presets.table_of(presets.preset("small-cifar5-class")) == {}
    assert presets.table_of(presets.preset("digits")) == {}


def test_figures_are_read_as_they_were_printed() -> None:
    rows = presets.table_of(presets.preset("cifar10"))
    assert rows["rurk"]["unlearn_acc"] == presets.Figure(14.63, 2.17)
    assert rows["rurk"]["relearn_epochs"] == presets.Figure(None, text=">30")
    assert "relearn_epochs" not in rows["original"]
    gd = presets.table_of(presets.preset("small-cifar5"))["gd"]["avg_gap"]
    assert (gd.mean, gd.printed) == (26.47, 18.89)


@pytest.mark.parametrize("name", ["small-cifar5", "cifar10", "small-cifar5-vgg11"])
def test_every_average_gap_beside_ours_follows_from_the_printed_accuracies(name: str) -> None:
    rows = presets.table_of(presets.preset(name))
    for method, row in rows.items():
        found = presets.recomputed_gap(row, rows["retrain"])
        assert found is not None
        shown = row["avg_gap"].mean
        assert shown is not None
        assert math.isclose(found, shown, abs_tol=0.06), method  # accuracies have two digits


def test_a_gap_needs_all_four_accuracies() -> None:
    row = {"retain_acc": presets.Figure(99.0)}
    assert presets.recomputed_gap(row, row) is None


@pytest.mark.parametrize("name", ABLATIONS)
def test_each_value_of_an_ablation_has_its_published_row(name: str) -> None:
    one = presets.preset(f"small-cifar5-ablation-{name}")
    assert one.ablation is not None
    values = [variant.value for variant in one.ablation.variants]
    assert values == list(presets.table_of(one))
    assert one.methods == ("rurk",)
    assert one.settings["rurk"]["epochs"] == 1
    assert set(one.settings) <= {"train", "rurk", "relearn-epochs"}


def test_curves_stand_on_the_grid_of_tau() -> None:
    curves = presets.curves_of(presets.preset("small-cifar5"))
    assert curves["unlearn-accuracy"]["retrain"][0.0314].mean == pytest.approx(31.19)
    assert curves["disagreement"]["rurk"][0.0].mean == 0.06
    assert curves["prevalence"]["ntk"][0.0314].mean == 48
    assert all(not found for found in presets.curves_of(presets.preset("digits")).values())
    assert "ngd" in presets.curves_of(presets.preset("cifar10"))["prevalence"]


def test_a_preset_may_lie_in_a_file(tmp_path: Path) -> None:
    text = 'title = "x"\ndataset = "iris"\nmodel = "mlp"\nforget = "class:1"\n'
    (tmp_path / "mine.toml").write_text(text + "[settings.gd]\nlr = 0.1\n")
    found = presets.named(str(tmp_path / "mine.toml"))
    assert (found.name, found.settings) == ("mine", {"gd": {"lr": 0.1}})


def test_a_preset_file_that_is_missing_or_damaged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        presets.named(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("title = ")
    with pytest.raises(SpecError, match="cannot be read"):
        presets.named(str(tmp_path / "bad.toml"))
    assert presets.named("digits") == presets.preset("digits")
