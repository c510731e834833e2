"""Predictions inferred along rays equal the models', which are evaluated where in doubt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from needs import needs
from torch import Tensor, nn

from engine.datasets.base import load
from engine.inference import evaluator
from engine.inference.evaluator import Evaluator
from engine.models.base import Classifier, build
from engine.residual import predictions, rays
from engine.residual.copy_counts import copies
from engine.residual.predictions import predict_copies
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import ASKED, INFERRED, DataSpec, ProbeSpec, TrainSpec
from engine.training.sgd import train_from_scratch

TAUS = tuple(0.03 * t for t in range(11))
FOUR = (0.05, 0.1, 0.2, 0.4)  # not from 0 up, and not evenly spaced


class Rough(nn.Module):
    """Predicts class 1 if the mean pixel lies in one of many narrow stripes."""

    def __init__(self, width: float) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        wave = torch.sin(x.flatten(1).mean(1) * torch.pi / self.width)
        return torch.stack([wave, -wave], 1)


class Broken(nn.Module):
    """Returns NaN for bright images."""

    def forward(self, x: Tensor) -> Tensor:
        bright = x.flatten(1).mean(1)
        return torch.stack([bright, torch.where(bright > 0.5, torch.nan, -bright)], 1)


class Shown:
    """Number of copies that models were evaluated on."""

    count = 0

    def since(self) -> int:
        """The count since the last call."""
        count, self.count = self.count, 0
        return count


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    counter, answers = Shown(), Evaluator._predict

    def counted(judge: Evaluator, x: Tensor) -> tuple[Tensor, Tensor]:
        counter.count += len(x)
        return answers(judge, x)

    monkeypatch.setattr(Evaluator, "_predict", counted)
    return counter


@pytest.fixture(scope="module")
def digits() -> tuple[Samples, Classifier]:
    """The digits, and a small CNN that learned most of them."""
    found = load(DataSpec("digits"))
    samples = Samples.on(torch.device("cpu"), found.train_x, found.train_y, 10)
    model = build("cnn", (1, 8, 8), 10, ([0.3], [0.4]), generator(2, "cnn"))
    spec, rows = TrainSpec(epochs=2, lr=0.05), torch.arange(len(samples))
    train_from_scratch(model, samples, rows, spec, seed=2, report=Reporter())
    return samples, model


def said(
    model: nn.Module,
    x: Tensor,
    between: str,
    taus: tuple[float, ...] = TAUS,
    report: Reporter | None = None,
    rows: range | None = None,
    perturbation: str = "gaussian",
) -> np.ndarray:
    probe = ProbeSpec(perturbation, taus, 20, 7, between=between)
    rows = rows or range(len(x))
    y = torch.zeros(len(x), dtype=torch.int64)
    return predict_copies({"m": model}, x, y, rows, probe, range(2), 10, report or Reporter())["m"]


@pytest.mark.parametrize("perturbation", ["gaussian", "l2", "linf"])
@pytest.mark.parametrize("taus", [TAUS, FOUR])
def test_a_network_says_what_is_inferred_of_it_and_is_asked_far_less(
    digits: tuple[Samples, Classifier], taus: tuple[float, ...], perturbation: str, shown: Shown
) -> None:
    samples, model = digits
    if perturbation == "l2":  # of length tau: a longer one, to reach as far
        taus = tuple(10 * tau for tau in taus)
    x, many = samples.pixels(torch.arange(60)), len(taus) > 4
    asked = said(model, x, ASKED, taus, perturbation=perturbation)
    before = shown.since()
    found = said(model, x, INFERRED, taus, perturbation=perturbation)
    assert (found == asked).mean() >= 0.9999
    assert len(np.unique(asked)) > 3 and (asked != asked[:, :1]).mean() > 0.02  # answers do change
    assert shown.since() < (0.6 if many else 0.95) * before


def test_what_is_inferred_depends_on_no_batch_and_no_other_sample(
    digits: tuple[Samples, Classifier], monkeypatch: pytest.MonkeyPatch, shown: Shown
) -> None:
    monkeypatch.setattr(evaluator, "native_bfloat16", lambda kind: False)
    samples, model = digits
    x = samples.pixels(torch.arange(9))
    whole, count = said(model, x, INFERRED), shown.since()
    parts = [said(model, x[i : i + 1], INFERRED, rows=range(i, i + 1)) for i in range(9)]
    assert np.array_equal(np.concatenate(parts), whole) and shown.since() == count
    monkeypatch.setattr(predictions, "BATCH_VALUES", 64 * 7)
    assert np.array_equal(said(model, x, INFERRED), whole) and shown.since() == count


@pytest.mark.parametrize("width", [0.01, 0.03])
def test_where_a_model_changes_its_mind_within_a_ray_it_is_asked(
    width: float, shown: Shown
) -> None:
    x, rough = torch.rand(20, 1, 4, 4, generator=generator(1, "x")), Rough(width)
    asked = said(rough, x, ASKED)
    before = shown.since()
    found = said(rough, x, INFERRED)
    changes = (np.diff(asked.astype(int), axis=1) != 0).mean()
    assert changes > 0.05
    assert (found == asked).mean() >= 0.999
    assert shown.since() > 0.5 * before


def test_without_the_bend_and_the_change_it_would_be_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.rand(20, 1, 4, 4, generator=generator(1, "x"))
    asked = said(Rough(0.01), x, ASKED)
    monkeypatch.setattr(rays, "BEND", 0.0)
    monkeypatch.setattr(rays, "SWING", 0.0)
    assert (said(Rough(0.01), x, INFERRED) == asked).mean() < 0.95


def test_a_model_that_gives_no_numbers_is_asked_about_every_copy(shown: Shown) -> None:
    x = torch.rand(12, 1, 4, 4, generator=generator(1, "x")) * 0.2 + 0.4
    asked, count = said(Broken(), x, ASKED, FOUR), shown.since()
    assert np.array_equal(said(Broken(), x, INFERRED, FOUR), asked)
    assert shown.since() > 0.8 * count


@pytest.mark.parametrize("taus", [TAUS, FOUR])
def test_all_copies_count_as_done(
    digits: tuple[Samples, Classifier], taus: tuple[float, ...]
) -> None:
    class Adding(Reporter):
        done = 0.0

        def advance(self, units: float) -> None:
            self.done += units

    report, samples = Adding(), digits[0]
    said(digits[1], samples.pixels(torch.arange(5)), INFERRED, taus, report)
    assert report.done == pytest.approx(copies(ProbeSpec(taus=taus, draws=20), 5))


def test_too_few_norms_are_asked_as_ever(digits: tuple[Samples, Classifier], shown: Shown) -> None:
    samples, model = digits
    x = samples.pixels(torch.arange(4))
    said(model, x, INFERRED, (0.0, 0.1, 0.2))
    assert shown.since() == 4 * 2 * (1 + 10 + 10)


@needs("torchattacks")
def test_attacks_are_asked_as_ever(digits: tuple[Samples, Classifier], shown: Shown) -> None:
    samples, model = digits
    x, y = samples.pixels(torch.arange(4)), samples.y[:4]
    probe = ProbeSpec("fgsm", (0.0, 0.01, 0.02, 0.03), 10, between=INFERRED)
    for between in (INFERRED, ASKED):
        one = replace(probe, between=between)
        predict_copies({"m": model}, x, y, range(4), one, range(1), 10, Reporter(), model)
        assert shown.since() == 4 * (1 + 3 * 10)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_same_holds_on_a_gpu(digits: tuple[Samples, Classifier]) -> None:
    x, model = digits[0].pixels(torch.arange(60)).cuda(), digits[1].cuda()
    try:
        found, asked = (
            predict_copies(
                {"m": model}, x, torch.zeros(60, dtype=torch.int64, device="cuda"), range(60),
                ProbeSpec("gaussian", TAUS, 20, 7, between=between), range(2), 10, Reporter(),
            )["m"]
            for between in (INFERRED, ASKED)
        )  # fmt: skip
    finally:
        model.cpu()
    assert (found == asked).mean() >= 0.999
