"""The audit of inferred answers: which are asked anew, and that it finds wrong ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.inference.evaluator import Evaluator
from engine.perturbations import BLOCK
from engine.provenance import Audit
from engine.residual import audit, predictions
from engine.residual.audit import SHARE, chosen
from engine.residual.predictions import predict_copies
from engine.runtime.progress import Reporter
from engine.spec import ASKED, INFERRED, ProbeSpec

TAUS = tuple(0.03 * t for t in range(11))


class Spike(nn.Module):
    """Class 0, but class 1 in a thin shell around gray: between the norms that are looked at."""

    def forward(self, x: Tensor) -> Tensor:
        away = (x.flatten(1) - 0.5).square().mean(1).sqrt()
        inside = ((away > 0.195) & (away < 0.225)).float()
        return torch.stack([1 - 2 * inside, 2 * inside - 1], 1)


class Flat(nn.Module):
    """Class 0 everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tensor([1.0, -1.0]).expand(len(x), 2)


def gray(n: int = 8) -> Tensor:
    return torch.full((n, 1, 16, 16), 0.5)


def measured(
    n: int = 8, between: str = INFERRED, blocks: range = range(4), taus: tuple[float, ...] = TAUS
) -> tuple[dict[str, np.ndarray], dict[str, Audit]]:
    x, audits = gray(n), dict[str, Audit]()
    probe = ProbeSpec("gaussian", taus, 40, seed=7, between=between)
    models = {"spike": Spike(), "flat": Flat()}
    y = torch.zeros(n, dtype=torch.int64)
    found = predict_copies(
        models, x, y, range(n), probe, blocks, 2, Reporter(), audits=audits
    )  # fmt: skip
    return found, audits


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every inferred answer is asked anew."""
    monkeypatch.setattr(audit, "SHARE", 1.0)


# -- which answers --------------------------------------------------------------------------------


def test_one_in_a_hundred_is_chosen_independently_of_one_another() -> None:
    picked = chosen(range(400), 11, 5, 0)
    assert picked.shape == (400, BLOCK, 11) and picked.dtype == torch.bool
    cells = picked.numel()
    assert abs(int(picked.sum()) - SHARE * cells) < 4 * math.sqrt(SHARE * cells)
    for axis in range(3):  # no sample, draw or norm is preferred
        others = [k for k in range(3) if k != axis]
        each, size = picked.sum(others), cells / picked.shape[axis]
        assert each.max() < SHARE * size + 6 * math.sqrt(SHARE * size)


def test_the_choice_depends_on_seed_sample_and_block_alone() -> None:
    whole = chosen(range(300), 11, 5, 0)
    assert torch.equal(chosen([250, 40], 11, 5, 0), whole[[250, 40]])
    assert torch.equal(chosen(range(300), 11, 5, 0), whole)
    for other in (chosen(range(300), 11, 6, 0), chosen(range(300), 11, 5, 1)):
        assert not torch.equal(other, whole)
    state = torch.get_rng_state()
    chosen(range(5), 11, 5, 0)
    assert torch.equal(torch.get_rng_state(), state)


# -- what it finds --------------------------------------------------------------------------------


@pytest.mark.usefixtures("everything")
def test_wrong_answers_are_found_and_counted_exactly() -> None:
    found, audits = measured()
    asked, _ = measured(between=ASKED)
    wrong = int((found["spike"] != asked["spike"]).sum())
    assert wrong > 50  # the shell lies between norms that are looked at
    assert audits["spike"].differed == wrong
    assert audits["flat"].differed == 0 and audits["flat"].asked == 8 * 40 * 8  # but 0, middle, end
    assert np.array_equal(found["flat"], asked["flat"])


def test_a_hundredth_is_enough_to_find_them() -> None:
    _, audits = measured(n=40)
    assert 0 < audits["spike"].differed <= audits["spike"].asked
    inferred = 40 * 40 * 8
    assert abs(audits["flat"].asked - SHARE * inferred) < 4 * math.sqrt(SHARE * inferred)
    assert audits["spike"].is_failed and not audits["flat"].is_failed


def test_batches_change_neither_the_audit_nor_the_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, audits = measured(n=40)
    monkeypatch.setattr(predictions, "BATCH_VALUES", 256 * 7)
    parts, again = measured(n=40)
    assert again == audits
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)
    by_block = [measured(n=40, blocks=range(k, k + 1))[1]["spike"] for k in range(4)]
    assert sum(by_block, Audit()) == audits["spike"]


def test_a_batch_that_does_not_fit_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _, audits = measured(n=40)
    classes, failures = Evaluator.classes, [0]

    def scarce(judge: Evaluator, x: Tensor) -> Tensor:
        if len(x) > 2 and failures[0] < 3:
            failures[0] += 1
            raise RuntimeError("DefaultCPUAllocator: not enough memory")
        return classes(judge, x)

    monkeypatch.setattr(Evaluator, "classes", scarce)
    _, again = measured(n=40)
    assert failures[0] and again == audits


def test_what_is_not_inferred_is_not_audited() -> None:
    assert measured(between=ASKED)[1] == {}
    assert measured(taus=(0.0, 0.1, 0.2))[1] == {}


def test_audits_of_more_draws_add_up() -> None:
    assert Audit(5, 1) + Audit(7, 0) == Audit(12, 1)
    assert (Audit(5, 1, True) + Audit(2)).repeated
    assert "1 of 5 inferred answers" in str(Audit(5, 1))
