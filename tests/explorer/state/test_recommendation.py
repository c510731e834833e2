"""Which settings of the form differ from what the dataset recommends, and putting them back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.datasets.base import Recommended
from engine.spec import TrainSpec
from explorer.state.catalog import Catalog, CatalogItem, Field
from explorer.state.recommendation import Change, differs, put_back, suggested
from explorer.state.study_form import StudyForm

ADVICE = Recommended(
    "mlp", TrainSpec(lr=0.05), "class:1:0.5", (0.0, 0.2, 0.4), {"rurk": {"tau": 0.05}},
    {"cnn": TrainSpec(lr=0.01)}, compared=("rurk", "ga"),
)  # fmt: skip
RURK = (Field("tau", "float", 0.03), Field("epochs", "int", 2))
CATALOG = Catalog(methods=(CatalogItem("rurk", "RURK", fields=RURK), CatalogItem("ga", "GA")))
USUAL = StudyForm(dataset="digits", methods=("rurk", "ga"))


def changed(form: StudyForm) -> dict[str, Change]:
    return differs(form, ADVICE, CATALOG)


def test_the_recommended_study_differs_in_nothing() -> None:
    assert changed(USUAL) == {}


@pytest.mark.parametrize(
    "form",
    [
        replace(USUAL, model="mlp", taus="0:0.4:3", training={"lr": 0.05}),
        replace(USUAL, settings={"rurk": {"tau": 0.05, "epochs": 2}, "scrub": {"lr": 1.0}}),
        replace(USUAL, probe={"steps": 10, "arithmetic": "auto"}, forget="class:2"),
        replace(USUAL, grid={"study.seed": (131,)}),
    ],
)
def test_what_is_stated_as_recommended_is_no_change(form: StudyForm) -> None:
    assert changed(form) == {}


CHANGES = [
    (replace(USUAL, seed=7), "study.seed", Change(131, 7)),
    (replace(USUAL, model="cnn"), "study.model", Change("mlp", "cnn")),
    (replace(USUAL, methods=("rurk",)), "study.methods", Change(("rurk", "ga"), ("rurk",))),
    (replace(USUAL, taus="0,0.1"), "study.taus", Change((0.0, 0.2, 0.4), (0.0, 0.1))),
    (replace(USUAL, training={"lr": 0.1}), "train.lr", Change(0.05, 0.1)),
    (replace(USUAL, probe={"steps": 5}), "probe.steps", Change(10, 5)),
    (replace(USUAL, settings={"rurk": {"tau": 0.1}}), "rurk.tau", Change(0.05, 0.1)),
    (replace(USUAL, settings={"rurk": {"epochs": 3}}), "rurk.epochs", Change(2, 3)),
    (replace(USUAL, grid={"rurk.tau": (0.1, 0.2)}), "rurk.tau", Change(0.05, (0.1, 0.2))),
]


@pytest.mark.parametrize(("form", "path", "change"), CHANGES)
def test_a_changed_setting_is_named_and_can_be_put_back(
    form: StudyForm, path: str, change: Change
) -> None:
    assert changed(form) == {path: change}
    assert put_back(form, path, ADVICE) == USUAL


def test_training_is_compared_with_the_advice_for_the_chosen_model() -> None:
    form = replace(USUAL, model="cnn", training={"lr": 0.05})
    assert changed(form)["train.lr"] == Change(0.01, 0.05)


def test_putting_one_setting_back_leaves_the_others() -> None:
    form = replace(USUAL, seed=7, settings={"rurk": {"tau": 0.1, "epochs": 3}})
    back = put_back(form, "rurk.tau", ADVICE)
    assert set(changed(back)) == {"study.seed", "rurk.epochs"}


def test_a_form_without_methods_takes_those_of_the_dataset() -> None:
    assert suggested(replace(USUAL, methods=()), ADVICE).methods == ("rurk", "ga")
    assert suggested(replace(USUAL, methods=("gd",)), ADVICE).methods == ("gd",)
    given = replace(USUAL, methods=(), weights={"theirs": "theirs.pt"})
    assert suggested(given, ADVICE).methods == ()
