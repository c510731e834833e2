"""The differences of the shown and the chosen study, in words."""

from __future__ import annotations

from typing import Any

import pytest
import synthetic

from explorer.state.catalog import Catalog, CatalogItem
from explorer.state.stale_words import explained, several

DATA = synthetic.images()
CATALOG = Catalog(
    models=(CatalogItem("mlp", "MLP"), CatalogItem("cnn", "Small CNN")),
    methods=(CatalogItem("rurk", "RURK"), CatalogItem("gd", "GD"), CatalogItem("ga", "GA")),
)
SHOWN = synthetic.spec() | {"forget": [1, 5, 9]}  # all of class 1


def sentence(**changes: Any) -> str:
    return explained(SHOWN, SHOWN | changes, DATA, CATALOG).sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 7}, "Shown: seed 131. You chose seed 7."),
        ({"forget": [1]}, "Shown: 3 samples of class 1 forgotten. You chose 1 sample of class 1."),
        ({"forget": [1, 2]}, "Shown: 3 samples of class 1 forgotten. You chose 2 samples."),
        ({"forget": [1, 5, 13]}, "Shown: 3 samples of class 1 forgotten. You chose 3 others."),
        ({"model": {"name": "cnn"}}, "Shown: MLP. You chose Small CNN."),
        ({"retrains": 1}, "Shown: 2 Re-trains. You chose 1 Re-train."),
        ({"methods": []}, "Shown: with RURK and GD. You chose without RURK and GD."),
        (
            {"methods": [{"name": "gd", "config": {}}, {"name": "ga", "config": {}}]},
            "Shown: with RURK, without GA. You chose without RURK, with GA.",
        ),
        (
            {"methods": SHOWN["methods"][::-1]},
            "Shown: RURK, GD. You chose GD, RURK.",
        ),
        (
            {"train": SHOWN["train"] | {"lr": 0.2}},
            "Shown: training lr 0.1. You chose training lr 0.2.",
        ),
        (
            {"probe": SHOWN["probe"] | {"taus": [0.0, 0.1], "draws": 20}},
            "Shown: 11 norms up to τ 0.4, 100 copies. You chose 2 norms up to τ 0.1, 20 copies.",
        ),
    ],
)  # fmt: skip
def test_a_difference_has_words(changes: Any, words: str) -> None:
    assert sentence(**changes) == words


def test_a_seed_explains_the_forget_set_that_it_draws() -> None:
    assert sentence(seed=7, forget=[1, 5, 13]) == "Shown: seed 131. You chose seed 7."


def test_of_many_differences_the_sentence_has_three_and_the_details_all() -> None:
    changes = {"seed": 7, "retrains": 1, "model": {"name": "cnn"}, "forget": [2]}
    stale = explained(SHOWN, SHOWN | changes, DATA, CATALOG, "abc", stored=True)
    assert stale.sentence.endswith("You chose 1 sample of class 2, seed 7, Small CNN and 1 more.")
    assert stale.details.splitlines()[-1] == "2 Re-trains \u2192 1 Re-train"
    assert len(stale.details.splitlines()) == 4
    assert (stale.key, stale.stored) == ("abc", True)


def test_of_a_grid_the_number_of_studies_is_said() -> None:
    assert several(SHOWN, 6, DATA).sentence.endswith("You chose a grid of 6 studies.")
