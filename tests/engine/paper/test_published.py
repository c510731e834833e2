from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.datasets.base import Dataset, Recommended
from engine.paper import presets
from engine.paper.published import Published, has_published_network, published_for
from engine.spec import DataSpec, TrainSpec


def dataset(name: str = "small-cifar5", each: int = 200) -> Dataset:
    """Five classes of so many samples; the pixels do not matter."""
    y = np.repeat(np.arange(5), each)
    x = np.zeros((len(y), 3, 2, 2), np.uint8)
    advice = Recommended("resnet18", TrainSpec(), "class:0:100")
    return Dataset(DataSpec(name), name, tuple("abcde"), x, y, x[:5], y[:5], advice)


def spec(**changes: Any) -> dict[str, Any]:
    made = {
        "data": {"name": "small-cifar5", "side": 0},
        "model": {"name": "resnet18"},
        "train": {"epochs": 25, "retrain_epochs": 100, "lr": 0.01},
        "forget": list(range(100)),
        "methods": [{"name": "ssd", "config": {"alpha": 100}}],
        "seed": 7,
        "probe": {"perturbation": "gaussian"},
        "pretrain": {"data": {}},
    }
    return {**made, **changes}


def found(**changes: Any) -> Published | None:
    return published_for(spec(**changes), dataset())


def test_the_paper_s_setting_is_recognized_with_its_table_and_curves() -> None:
    one = found()
    assert one is not None
    assert (one.preset, one.otherwise) == ("small-cifar5", ())
    assert one.rows["rurk"]["mia_acc"].mean == 33.33
    assert one.curves["unlearn-accuracy"]["rurk"][0.0].mean == pytest.approx(14)
    assert "arXiv:2601.22359" in one.words


def test_the_words_name_the_table_that_is_shown() -> None:
    one = found()
    assert one is not None
    setting = "(Small CIFAR-5, 100 samples of one class forgotten, ResNet-18)"
    where = f"on the setting of preset 'small-cifar5' {setting}."
    assert f"table of accuracies, gaps and re-learn time {where}" in one.words
    for curve, table in {
        "unlearn-accuracy": "unlearn accuracy on perturbed forget samples",
        "disagreement": "disagreement with Re-train on perturbed forget samples",
        "prevalence": "percent of forget samples with residual knowledge above 1",
    }.items():
        assert f"table of {table} {where}" in one.words_on(curve)
        assert one.table_of(curve) == f"Published: table of {table} {setting}"
        assert one.curves[curve]  # so that each table has its words


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"name": "digits", "side": 0}},
        {"data": {"name": "small-cifar5", "side": 16}},
        {"model": {"name": "mlp"}},
        {"forget": list(range(99))},
        {"forget": list(range(200, 300))},  # of another class
        {"forget": list(range(150, 250))},  # of two classes
        {"foreign": [{"name": "original"}]},
    ],
)
def test_nothing_else_corresponds(changes: dict[str, Any]) -> None:
    assert found(**changes) is None


def test_what_is_otherwise_is_said() -> None:
    ssd = [{"name": "ssd", "config": {"alpha": 14}}]
    train = {"epochs": 25, "retrain_epochs": 100, "lr": 0.05}
    one = found(methods=ssd, train=train, pretrain=None)
    assert one is not None
    assert set(one.otherwise) == {
        "no pre-training", "train.lr 0.05 instead of 0.01", "ssd.alpha 14 instead of 100",
    }  # fmt: skip


def test_curves_of_gaussian_noise_do_not_stand_beside_an_attack() -> None:
    one = found(probe={"perturbation": "fgsm"})
    assert one is not None
    assert one.curves == {}
    assert one.rows
    assert "FGSM instead of Gaussian" in one.otherwise


def test_data_that_cannot_hold_the_forget_set_do_not_correspond() -> None:
    assert published_for(spec(), dataset(each=20)) is None


def test_whole_classes_are_no_samples_of_them() -> None:
    whole = published_for(spec(forget=list(range(200))), dataset())
    assert whole is None or whole.preset == "small-cifar5-class"


def test_ablations_are_not_taken_for_the_setting_itself() -> None:
    ablations = [presets.preset(name) for name in presets.names() if "ablation" in name]
    assert ablations
    assert published_for(spec(), dataset(), tuple(ablations)) is None


def test_where_nothing_was_published_the_data_need_not_be_read() -> None:
    assert has_published_network(spec())
    assert not has_published_network(spec(data={"name": "digits"}, model={"name": "mlp"}))
    assert not has_published_network(spec(data={"name": "iris"}, model={"name": "mlp"}))


def test_another_network_has_its_own_table() -> None:
    one = published_for(spec(model={"name": "vgg11"}), replace(dataset(), label="x"))
    assert one is not None
    assert one.preset == "small-cifar5-vgg11"
    assert one.rows["rurk"]["unlearn_acc"].mean == 7
