from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from needs import needs
from patience import PATIENCE

from engine.__main__ import main

QUICK = ["--methods", "gd,ga", "--set", "train.epochs=4", "--draws", "20", "--retrains", "2"]


def run(*arguments: str, store: Path) -> int:
    return main([*arguments, "--store", str(store)])


def study_in(store: Path, *more: str) -> tuple[str, dict[str, object]]:
    out = store.parent / "out.json"
    assert run("run", "--dataset", "iris", *QUICK, *more, "--json", str(out), store=store) == 0
    found = json.loads(out.read_text())
    return found["key"], found


def test_help_and_version_import_neither_torch_nor_qt() -> None:
    for flag in ("--help", "--version"):
        code = (
            "import sys\n"
            "from engine.__main__ import main\n"
            f"try: main(['{flag}'])\n"
            "except SystemExit as stop: assert not stop.code\n"
            "names = {'torch', 'PySide6', 'h5py', 'sklearn', 'matplotlib', 'umap'}\n"
            "heavy = names & set(sys.modules)\n"
            "assert not heavy, heavy\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "rk-engine" in done.stdout


def test_the_json_has_every_figure_and_the_second_answer_is_identical(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, found = study_in(tmp_path / "store")
    text = (tmp_path / "out.json").read_bytes()
    assert set(found) == {"key", "spec", "findings", "metrics", "residual_knowledge"}
    metrics, measured = found["metrics"], found["residual_knowledge"]
    assert isinstance(metrics, dict)
    assert isinstance(measured, dict)
    assert set(metrics) == {"original", "retrain", "gd", "ga"}
    for row in metrics.values():
        accuracies = ("retain_acc", "unlearn_acc", "test_acc", "mia_acc")
        beside = {"avg_gap", "seconds", "tow", "tow_mia", "js_divergence"}
        assert set(row) == {*accuracies, *beside}
        assert all(0 <= row[name] <= 100 for name in accuracies)
    assert set(measured["models"]) == {"original", "gd", "ga"}
    for curve in measured["models"].values():
        over_tau = {"mean", "low", "high", "pooled", "pooled_low", "pooled_high"}
        over_tau |= {"undefined", "prevalence"}
        of_samples = {"q_values", "e_values", "verdicts", "certified_radius"}
        assert set(curve) == over_tau | of_samples | {"fdr", "audit"}
        assert all(len(curve[part]) == len(measured["taus"]) == 11 for part in over_tau)
        forgotten = len(found["spec"]["forget"])  # type: ignore[index]
        assert all(len(curve[part]) == forgotten for part in of_samples)
        assert {len(row) for row in curve["e_values"]} == {11}
        for low, mean, high in zip(curve["low"], curve["mean"], curve["high"], strict=True):
            assert low <= mean + 1e-9
            assert mean <= high + 1e-9
    bands = {f"{part}{end}" for part in ("", "pooled_", "prediction_", "grid_")
             for end in ("low", "high")}  # fmt: skip
    assert set(measured["null"]) == bands | {"retrains_for_a_claim"}
    for name, apart in measured["disagreement"].items():
        bounds = zip(apart["low"], apart["mean"], apart["high"], strict=True)
        assert all(low <= mean + 1e-12 and mean <= high + 1e-12 for low, mean, high in bounds)
        assert len(measured["perturbed_unlearn_acc"][name]) == 11
        assert set(measured["verdicts"][name]) == {"residual", "none", "undecided"}
    again, _ = study_in(tmp_path / "store")
    assert again == key
    assert (tmp_path / "out.json").read_bytes() == text
    other, _ = study_in(tmp_path / "store", "--seed", "7")
    assert other != key
    assert key in capsys.readouterr().out


def test_table_json_and_hdf5_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store"
    key, found = study_in(store)
    capsys.readouterr()
    assert run("table", key[:8], "--json", str(tmp_path / "again.json"), store=store) == 0
    table = capsys.readouterr().out
    assert json.loads((tmp_path / "again.json").read_text()) == found
    words = " ".join(table.split())
    for finding in found["findings"]:  # type: ignore[attr-defined]
        assert f"- {finding['sentence']}" in words
    assert [one["model"] for one in found["findings"]][-1] == "original"  # type: ignore[attr-defined]
    with h5py.File(store / "studies" / f"{key}.h5") as file:
        mean = file["curves/gd/mean"][()]
        assert json.loads(file.attrs["metrics"]) == found["metrics"]
    curve = found["residual_knowledge"]["models"]["gd"]  # type: ignore[index]
    assert curve["mean"] == [None if np.isnan(value) else value for value in mean]
    for value in mean[np.isfinite(mean)]:
        assert f"{value:.3f}" in table
    for value in curve["pooled"]:
        assert f"{value:.3f} (" in table
    assert "Re-train" in table
    assert "null band" in table


def test_undefined_values_are_null_in_json_and_said_in_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, found = study_in(tmp_path / "store", "--forget", "class:setosa", "--set", "gd.lr=0.001")
    curve = found["residual_knowledge"]["models"]["gd"]  # type: ignore[index]
    assert curve["mean"][0] is None
    assert curve["undefined"][0] == 40
    captured = capsys.readouterr()
    assert "undefined" in captured.out
    assert "No sample of class setosa is retained" in captured.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--dataset", "irs"], "Did you mean 'iris'"),
        (["--dataset", "iris", "--model", "cnn"], "needs images"),
        (["--dataset", "iris", "--methods", "dg"], "no method 'dg'. Did you mean 'gd'"),
        (["--dataset", "iris", "--set", "gd.lr=fast"], "gd.lr must be a number, but is 'fast'"),
        (["--dataset", "iris", "--set", "nonsense"], "Write method.parameter=value"),
        (["--dataset", "iris", "--taus", "0:-1:3"], "at least 0"),
        (["--dataset", "iris", "--draws", "0"], "at least 1"),
        (["--dataset", "iris", "--forget", "class:9"], "no class '9'"),
        (["--dataset", "iris", "--forget", "indices:/nowhere/x"], "Cannot read the index file"),
        (["--dataset", "iris", "--device", "gpu"], "no device 'gpu'"),
        (["--dataset", "iris", "--json", "/nowhere/x.json"], "Cannot write /nowhere/x.json"),
        (["--dataset", "folder", "--root", "/nowhere"], "/nowhere"),
    ],
)
def test_bad_input_gets_a_sentence_and_exit_2(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run", *arguments, store=tmp_path / "store") == 2
    error = capsys.readouterr().err
    assert says in error
    assert "Traceback" not in error
    assert error.startswith("rk-engine: ")


def test_a_store_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run("ls", store=tmp_path / "file" / "store") == 2
    assert "can be neither written" in capsys.readouterr().err


def test_listing_info_checkpoint_and_unknown_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store"
    assert run("ls", store=store) == 0
    assert "No studies yet" in capsys.readouterr().out
    key, _ = study_in(store)
    assert run("ls", store=store) == 0
    assert key in capsys.readouterr().out
    assert (
        run("checkpoint", key, "--model", "gd", "--out", str(tmp_path / "gd.pt"), store=store) == 0
    )
    assert (tmp_path / "gd.pt").stat().st_size > 1000
    assert run("checkpoint", key, "--model", "x", "--out", str(tmp_path / "x.pt"), store=store) == 2
    assert run("table", "ffff", store=store) == 2
    assert "rk-engine ls" in capsys.readouterr().err
    assert run("info", store=store) == 0
    assert "cpu" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
@needs("matplotlib")
def test_figures_are_written_with_their_numbers_beside(tmp_path: Path, suffix: str) -> None:
    store = tmp_path / "store"
    key, _ = study_in(store)
    for kind in ("curves", "neighborhood"):
        out = tmp_path / f"{kind}.{suffix}"
        assert run("figure", key, "--kind", kind, "--out", str(out), store=store) == 0
        assert out.stat().st_size > 1000
        assert out.with_suffix(".csv").read_text().count("\n") > 5
    assert run("figure", key, "--kind", "curv", "--out", str(tmp_path / "x.png"), store=store) == 2


def test_an_interrupt_says_how_to_go_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "engine", "run", "--dataset", "digits", "--model", "cnn"]
    command += ["--set", "train.epochs=500", "--store", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
    try:
        while process.poll() is None and not list(tmp_path.glob("partial/*.pt")):
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
        process.send_signal(2)
        _, error = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert "run the same command again" in error
    assert "Traceback" not in error


def test_samples_are_listed_worst_first_with_verdict_and_smallest_tau(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, out = tmp_path / "store", tmp_path / "samples.csv"
    key, found = study_in(store)
    capsys.readouterr()
    command = ["samples", key, "--model", "gd", "--smallest-tau", "--csv", str(out)]
    assert run(*command, store=store) == 0
    lines = [line.split(",") for line in out.read_text().splitlines()]
    names = ["index", "class", "verdict", "q_value", "largest_r", "at_tau", "posterior_there"]
    names += ["e_value", "certified_radius", "smallest_tau"]
    assert lines[0] == [*names, "sample_name", "verdict_rule"]
    assert all(line[10] == f"iris train {line[0]}" for line in lines[1:])
    assert sorted(int(line[0]) for line in lines[1:]) == found["spec"]["forget"]  # type: ignore[index]
    largest = [float(line[4] or -1) for line in lines[1:]]
    assert largest == sorted(largest, reverse=True)
    assert {line[2] for line in lines[1:]} <= {"residual", "none", "undecided"}
    for line in lines[1:]:
        assert 0 < float(line[3]) <= 1
        assert line[9] == "" or 0 <= float(line[9]) <= 0.2
    assert capsys.readouterr().out.splitlines()[0].split()[:2] == ["index", "class"]
    assert run("samples", key, "--model", "retrain", store=store) == 2
    assert "It has: original, gd, ga" in capsys.readouterr().err


@needs("matplotlib")
def test_an_option_of_another_figure_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, _ = study_in(tmp_path / "store")
    draw = ["figure", key, "--out", str(tmp_path / "x.svg"), "--kind"]
    assert run(*draw, "attack", "--any-class", store=tmp_path / "store") == 0
    for option, kind in (
        ("--any-class", "curves"),
        ("--color=r", "metrics"),
        ("--tau=1", "attack"),
    ):
        assert run(*draw, kind, option, store=tmp_path / "store") == 2
        said = capsys.readouterr().err
        assert f"{option.partition('=')[0]} applies to figures of the kind" in said
        assert f"not to {kind}." in said


@pytest.mark.parametrize(
    ("methods", "says"),
    [
        ("none", "'none' requires given models (--unlearned NAME=FILE)"),
        ("none,gd", "'none' cannot be combined"),
        ("", "Name at least one method of"),
    ],
)
def test_no_methods_are_for_models_that_are_given(
    methods: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--dataset", "iris", "--methods", methods]
    assert run("run", *words, store=tmp_path / "store") == 2
    assert says in capsys.readouterr().err
