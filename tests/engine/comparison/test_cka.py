"""CKA and the layers it is taken of, on features and networks for which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.comparison.activations import layers_of
from engine.comparison.cka import MOST_SAMPLES, cka, drawn_samples
from engine.comparison.gram_matrices import gram_matrices
from engine.errors import Cancelled, SpecError
from engine.models.base import build
from engine.pipeline.pipeline import Pipeline
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec

RNG = np.random.default_rng(5)


# -- the measure ------------------------------------------------------------------------------
def test_cka_equals_the_unbiased_estimate_written_out() -> None:
    x, y = RNG.normal(size=(7, 3)), RNG.normal(size=(7, 5))

    def hsic(k: np.ndarray, m: np.ndarray) -> float:
        """Song et al. 2012, equation 5: traces and sums of Gram matrices without diagonals."""
        n = len(k)
        k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
        one = np.ones(n)
        total = np.trace(k @ m) + (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
        return (total - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3))

    k, m = x @ x.T, y @ y.T
    wanted = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert cka(x, y) == pytest.approx(wanted, abs=1e-6)
    assert cka(y, x) == pytest.approx(wanted, abs=1e-6)


def test_cka_of_features_with_themselves_is_exactly_one() -> None:
    x = RNG.normal(size=(20, 50)).astype(np.float32)
    assert cka(x, x) == 1.0


def test_rotation_scale_and_shift_change_nothing() -> None:
    x = RNG.normal(size=(30, 8))
    turn = np.linalg.qr(RNG.normal(size=(8, 8)))[0]
    assert cka(x, 7.5 * x @ turn + 3) == pytest.approx(1.0, abs=1e-6)


def test_a_linear_map_that_is_no_rotation_changes_it() -> None:
    x = RNG.normal(size=(30, 8))
    assert cka(x, x * np.array([10, 1, 1, 1, 1, 1, 1, 1])) < 0.8


def test_unrelated_features_are_near_zero_even_where_they_outnumber_samples() -> None:
    found = [cka(RNG.normal(size=(24, 400)), RNG.normal(size=(24, 400))) for _ in range(40)]
    assert abs(np.mean(found)) < 0.03  # the plain estimate would say about 0.94


def test_too_few_samples_and_constant_features_are_undefined() -> None:
    assert np.isnan(cka(RNG.normal(size=(3, 5)), RNG.normal(size=(3, 5))))
    assert np.isnan(cka(np.ones((9, 5)), RNG.normal(size=(9, 5))))


# -- layers -----------------------------------------------------------------------------------
def names_of(name: str, *shape: int) -> list[str]:
    statistics = ([0.5] * shape[0], [0.5] * shape[0])
    model = build(name, shape, 4, statistics, torch.Generator().manual_seed(0))
    return [layer.name for layer in layers_of(model, torch.rand(4, *shape))]


def test_layers_of_the_built_in_networks_in_the_order_they_run() -> None:
    assert names_of("mlp", 4) == ["linear 1", "linear 2"]
    assert names_of("cnn", 1, 8, 8) == ["conv 1", "conv 2", "conv 3", "linear"]
    blocks = [f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)]
    assert names_of("resnet18", 3, 32, 32) == ["conv1", *blocks, "fc"]
    blocks = [f"stages.{stage}.{block}" for stage in range(3) for block in range(3)]
    convolutions = [f"{block}.conv{number}" for block in blocks for number in (1, 2)]
    assert names_of("resnet20", 1, 8, 8) == ["stem.0", *convolutions, "head"]
    blocks = [f"blocks.{number}" for number in range(6)]
    assert names_of("vit-tiny", 1, 8, 8) == ["tokens.embed", "tokens", *blocks, "head"]


class Own(nn.Module):
    """What a person may write: a reused activation, a residual sum, a tuple, a part never run."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.twice = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, padding=1)
        self.act, self.idle = nn.ReLU(inplace=True), nn.Linear(3, 3)
        self.memory, self.out = nn.LSTM(8, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.stem(x))
        x = x + self.twice(self.act(self.twice(x)))
        states, _ = self.memory(x.flatten(2).transpose(1, 2))
        return torch.log_softmax(self.out(states[:, -1]), 1)


def test_layers_of_a_network_nobody_has_seen_before() -> None:
    found = layers_of(Own().eval(), torch.rand(4, 3, 6, 6))
    assert [layer.name for layer in found] == [
        "stem",
        "twice 1",
        "twice 2",
        "memory",
        "out",
        "output",
    ]
    assert found[0].call == ("act", 0)  # with the activation that follows it
    assert found[1].call == ("act", 1)


def test_a_network_without_parts_has_its_output() -> None:
    assert [layer.name for layer in layers_of(nn.Linear(3, 2), torch.rand(4, 3))] == ["output"]


def test_no_hook_stays_behind() -> None:
    net = Own().eval()
    layers_of(net, torch.rand(4, 3, 6, 6))
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())


def test_a_portrait_does_not_depend_on_how_samples_are_batched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = Own().eval()
    x = np.random.default_rng(0).random((30, 3, 6, 6), np.float32)
    samples = Samples.on(torch.device("cpu"), x, np.zeros(30, np.int64), 3)
    layers, rows = layers_of(net, samples.pixels(torch.arange(4))), np.arange(30)
    whole = gram_matrices(net, layers, samples, rows, Reporter())
    monkeypatch.setattr("engine.comparison.gram_matrices.BATCH", 7)
    parts = gram_matrices(net, layers, samples, rows, Reporter())
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(one).max())


# -- models of a study ------------------------------------------------------------------------
def test_the_sample_is_drawn_by_the_seed() -> None:
    pool = np.arange(5000)
    once, again, other = (drawn_samples(pool, seed, "retain") for seed in (1, 1, 2))
    assert len(once) == MOST_SAMPLES == len(np.unique(once))
    assert (once == again).all()
    assert (once != other).any()
    assert drawn_samples(np.array([5, 3]), 1, "forget").tolist() == [3, 5]


def composed(pipeline: Pipeline) -> RunSpec:
    dataset = pipeline.dataset(DataSpec("digits"), Reporter())
    return pipeline.compose(
        dataset, model="cnn", methods=("gd", "eu-k"),
        settings={"gd": {"epochs": 1}, "eu-k": {"epochs": 1, "k": 1}}, training={"epochs": 2},
        retrains=2, draws=10,
    )  # fmt: skip


def test_layers_that_a_method_froze_are_exactly_alike(pipeline: Pipeline) -> None:
    spec = composed(pipeline)
    shown = pipeline.similarity(spec, "eu-k", "original", Reporter())
    assert shown.layers == ("conv 1", "conv 2", "conv 3", "linear")
    assert shown.samples == {"forget": len(spec.forget), "retain": MOST_SAMPLES}
    for split in ("forget", "retain"):
        line = shown.line(split, "eu-k", "original")
        assert line is not None
        frozen = line.mean == 1.0
        assert frozen[0]  # the first layer is none of the last
        assert not frozen[-1]  # the last was drawn anew
    assert shown.line("forget", "original", "original") is None


def test_every_line_is_the_mean_of_its_pairs_and_comes_from_the_store(pipeline: Pipeline) -> None:
    spec = composed(pipeline)
    first = pipeline.similarity(spec, "gd", "retrain-0", Reporter())
    assert {(line.model, line.to) for line in first.lines} == {
        ("gd", "original"), ("gd", "retrain"), ("retrain-0", "original"),
        ("retrain-0", "retrain"), ("gd", "retrain-0"), ("retrain", "retrain"),
    }  # fmt: skip
    direct, against = first.line("forget", "gd", "retrain-0"), first.line("forget", "gd", "retrain")
    other = pipeline.similarity(spec, "gd", "retrain-1", Reporter()).line(
        "forget", "gd", "retrain-1"
    )
    assert direct is not None and other is not None and against is not None
    np.testing.assert_allclose(against.mean, (direct.mean + other.mean) / 2)
    np.testing.assert_array_equal(against.low, np.minimum(direct.mean, other.mean))
    own, null = (first.line("retain", one, "retrain") for one in ("retrain-0", "retrain"))
    assert own is not None and null is not None
    np.testing.assert_array_equal(own.mean, null.mean)  # of two Re-trains there is one pair

    before = sorted(pipeline.store.keys("similarities"))
    files = {name: pipeline.store.path("similarities", name).stat().st_mtime_ns for name in before}
    again = pipeline.similarity(spec, "retrain-0", "gd", Reporter())
    swapped = again.line("forget", "retrain-0", "gd")
    assert swapped is not None
    np.testing.assert_array_equal(swapped.mean, direct.mean)
    after = sorted(pipeline.store.keys("similarities"))
    assert before == after
    assert all(
        pipeline.store.path("similarities", name).stat().st_mtime_ns == files[name]
        for name in after
    )


def test_a_pair_is_stored_in_the_order_of_the_study_whoever_asked(pipeline: Pipeline) -> None:
    spec = composed(pipeline)
    pipeline.run(spec, Reporter())
    pipeline.similarity(spec, "retrain-0", "gd", Reporter())
    order = [*pipeline.plan(spec).models]
    for key in pipeline.store.keys("similarities"):
        record = pipeline.store.get("similarities", key, arrays=False)
        assert record is not None
        names = record.plain("models")
        assert names == sorted(names, key=order.index)


def test_a_study_without_such_a_model_says_what_it_has(pipeline: Pipeline) -> None:
    with pytest.raises(SpecError, match=r"no model 'rurk'.*gd"):
        pipeline.similarity(composed(pipeline), "rurk", "gd", Reporter())


def test_it_can_be_stopped(pipeline: Pipeline) -> None:
    spec, report = composed(pipeline), Reporter()
    for name in ("original", "gd"):
        pipeline.work.model(pipeline.plan(spec), name, Reporter())
    report.cancel()
    with pytest.raises(Cancelled):
        pipeline.similarity(spec, "gd", "original", report)
