"""The benchmark: its two ways give the same answers, its numbers are kept, its words are right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.__main__ import FAILED, main
from engine.bench import catalog, draws, jacobians, training
from engine.bench.child import in_child, peak
from engine.bench.row import BenchRow, closing, line
from engine.bench.setting import Setting, accuracy, digits, made_images, network, operations
from engine.bench.timing import Ratio, alternate, matrix_rate
from engine.errors import EngineError, SpecError
from engine.inference import evaluator
from engine.perturbations import BLOCK
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec
from tests.engine.needs import needs

QUICK = Setting(torch.device("cpu"), quick=True)


# -- rows and ratios ------------------------------------------------------------------------------


def test_a_ratio_is_the_median_of_rounds_with_its_spread() -> None:
    ratio = Ratio((4.0, 9.0, 2.0), (1.0, 1.0, 1.0), 3.5)
    assert ratio.median == 4.0
    assert str(ratio) == "4.0x (2.0..9.0; work 3.5x; plain 4 s, ours 1 s)"
    row = ratio.row("this", 5, share=0.1)
    assert row.met is False and row.target == ">= 5x" and row.facts["share"] == 0.1
    assert ratio.row("this", 4).met is True


def test_both_ways_are_timed_in_turn() -> None:
    turns: list[str] = []
    ratio = alternate(
        lambda: turns.append("plain"), lambda: turns.append("ours"), 3, torch.device("cpu")
    )
    assert turns == ["plain", "ours"] * 3 and len(ratio.each) == 3


def test_a_line_says_what_target_verdict_and_measurement() -> None:
    rows = [
        BenchRow("a", "<= 1 s", "0.5 s", True),
        BenchRow("b", "<= 1 s", "2 s", False),
        BenchRow("c", "", "3"),
    ]
    assert line(rows[0]).split() == ["a", "<=", "1", "s", "met", "0.5", "s"]
    assert "not met" in line(rows[1]) and " - " in line(rows[2])
    assert closing(rows) == "1 of 2 targets met."
    assert rows[0].plain()["met"] is True


def test_the_matrix_rate_is_that_of_this_machine() -> None:
    rate, kind = matrix_rate(torch.device("cpu"))
    assert rate > 1e8 and kind in ("float32", "bfloat16")


# -- what both ways are given ---------------------------------------------------------------------


def test_made_images_are_the_same_in_every_run_and_can_be_told_apart() -> None:
    x, y = made_images(200, 16, 4)
    again, _ = made_images(200, 16, 4)
    assert x.dtype == np.uint8 and x.shape == (200, 3, 16, 16) and np.array_equal(x, again)
    means = np.stack([x[:100][y[:100] == k].mean(0) for k in range(4)])
    away = ((x[100:, None].astype(float) - means) ** 2).sum((2, 3, 4))
    assert (away.argmin(1) == y[100:]).mean() > 0.9


def test_operations_of_a_pass_are_those_of_the_layers() -> None:
    by_hand = 2 * (64 * 100 + 100 * 10)  # a multiplication and an addition for each weight
    assert operations("mlp", (1, 8, 8), 10) == by_hand


# -- the ways agree -------------------------------------------------------------------------------


@pytest.mark.parametrize("reduced", [False, True])
def test_ours_and_plain_float32_decide_alike(
    reduced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluator, "native_bfloat16", lambda kind: reduced)
    monkeypatch.setattr(evaluator, "FEW", 0)
    samples = digits(QUICK)
    models = {name: network("cnn", samples, name) for name in draws.MODELS}
    x, y = samples.pixels(torch.arange(6)), samples.y[:6]
    probe = ProbeSpec(taus=(0.0, 0.1, 0.3), seed=1)
    work = draws.Work("cnn", models, x, y, 10, probe, BLOCK, 6, 1)
    fast, exact = draws.ours(work), draws.in_float32(work)
    assert all(np.array_equal(fast[name], exact[name]) for name in models)


@needs("torchattacks")
def test_the_plain_way_counts_what_is_recognized() -> None:
    samples = digits(QUICK)
    models = {"original": network("cnn", samples)}
    x = samples.pixels(torch.arange(5))
    with torch.no_grad():
        called = models["original"](x).argmax(1)
    counts = draws.plain(models, x, called, (0.0,), 4)["original"]
    assert counts.tolist() == [[4] * 5]  # noise of no size changes no answer


def test_the_plain_fisher_and_gram_are_ours() -> None:
    model, problem = jacobians._problem(QUICK)
    slow = jacobians.plain_fisher(model, problem)
    fast = jacobians.fisher_information(model, problem)
    for name, value in slow.items():
        torch.testing.assert_close(fast[name], value, rtol=1e-3, atol=1e-6 * float(value.max()))
    found = jacobians.gram(model, problem, problem.retain, jacobians.BUDGET)
    torch.testing.assert_close(found, jacobians.plain_gram(model, problem), rtol=1e-4, atol=1e-3)


def test_both_ways_of_training_learn() -> None:
    x, y = made_images(96, 16, 3)
    samples = training.Samples.on(QUICK.device, x, y, 3)
    for train in (training.plain, training.ours):
        model = network("cnn", samples)
        before = accuracy(model, samples)
        train(model, samples, 12)
        assert accuracy(model, samples) > max(60, before)


# -- running --------------------------------------------------------------------------------------


def test_names_are_chosen_and_misspelled_ones_answered() -> None:
    assert catalog.chosen("") == list(catalog.ALL)
    assert catalog.chosen("ntk, pgd") == ["ntk", "pgd"]
    assert catalog.chosen("accuracy-cnn") == ["accuracy-cnn"]
    with pytest.raises(SpecError, match=r"no measurement 'ntq'. Did you mean 'ntk'\?"):
        catalog.chosen("ntq")


def test_threads_are_set_meanwhile_and_given_back() -> None:
    before = torch.get_num_threads()
    rows = list(catalog.run(["fisher"], QUICK, 1, Reporter()))
    assert len(rows) == 2 and rows[1].met and torch.get_num_threads() == before


def test_a_child_answers_or_its_error_is_told() -> None:
    assert in_child(peak) > 1
    with pytest.raises(EngineError, match="failed"):
        in_child(peak, "one word too many")


def test_memory_does_not_grow_beyond_what_is_returned() -> None:
    rows = list(catalog.run(["memory"], QUICK, 1, Reporter()))
    assert rows[0].met and rows[0].facts["peaks"][-1] < 200


def test_a_large_session_is_written_and_reopened() -> None:
    rows = list(catalog.run(["reopening"], QUICK, 1, Reporter()))
    assert "13 methods" in rows[0].what and rows[1].met


@needs("matplotlib")
def test_the_command_prints_rows_and_writes_numbers_and_the_plot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, plot = tmp_path / "found.json", tmp_path / "cost.svg"
    words = ["bench", "--quick", "--threads", "1", "--only", "scaling"]
    assert main([*words, "--json", str(out), "--plot", str(plot)]) == 0
    printed = capsys.readouterr().out
    assert "cost against samples" in printed and "targets met." in printed
    found = json.loads(out.read_text())
    assert found["facts"]["threads"] == 1 and found["facts"]["quick"] is True
    assert {row["axis"] for row in found["rows"]} == {"samples", "draws", "taus", "models", "side"}
    assert all(-1 < row["power"] < 3 for row in found["rows"])
    assert "size / smallest" in plot.read_text()


def test_the_command_lists_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--only", "?"]) == 0
    assert "residual-resnet18" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--only", "pdg"], "Did you mean 'pgd'?"),
        (["--threads", "0"], "--threads must be at least 1"),
        (["--json", "/nowhere/at/all.json"], "Cannot write"),
        (["--only", "fisher", "--quick", "--plot", "cost.svg"], "--plot needs the measurement"),
    ],
)
def test_what_cannot_be_done_is_said(
    words: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bench", *words]) == FAILED
    assert sentence in capsys.readouterr().err
