"""`rk-engine tune`: trials that are stored and resumed, the preset, and the ranking."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import main
from engine.errors import TrainingError
from engine.methods.ngd import NGD
from engine.paper import presets
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.storage.store import Store
from engine.tuning import contest
from engine.tuning.contest import Conditions
from engine.tuning.trial_file import COMPLETE, FAILED, PRUNED

pytest.importorskip("optuna")
Tune = Callable[..., int]
WORDS = ["--methods", "ga,neggrad-plus", "--seeds", "11,12", "--retrains", "2"]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def tune(store: Path) -> Tune:
    """Runs the command on digits, with few epochs."""

    def run(*arguments: str) -> int:
        common = ["--store", str(store), "--device", "cpu", "--set", "train.epochs=3"]
        return main(["tune", "digits", *WORDS, *common, *arguments])

    return run


def files(store: Path) -> dict[str, dict[str, Any]]:
    """Method -> its file of trials."""
    found = [
        json.loads(path.read_text())
        for path in sorted((store / "tuning" / "trials").glob("*.json"))
    ]
    return {one["conditions"]["method"]: one for one in found}


def test_trials_are_stored_resumed_ranked_and_written_as_a_preset(
    tune: Tune, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune("--trials", "1") == 0
    first = files(store)
    assert set(first) == {"ga", "neggrad-plus"}
    paper = first["ga"]["trials"][0]
    assert (paper["settings"]["lr"], paper["settings"]["epochs"]) == (1e-5, 1)
    assert set(paper["values"]) == {"11", "12"}
    assert paper["value"] == pytest.approx(sum(paper["values"].values()) / 2)
    studies = len(Store(store / "tuning").keys("studies"))
    assert not Store(store).keys("studies")  # trials do not fill the list of studies
    capsys.readouterr()

    out = tmp_path / "mine.toml"
    assert tune("--trials", "3", "--out", str(out), "--rank", "--rank-seeds", "131,42") == 0
    second = files(store)
    assert [len(one["trials"]) for one in second.values()] == [3, 3]
    assert second["ga"]["trials"][0] == first["ga"]["trials"][0]  # seconds too: not made again
    assert len(Store(store / "tuning").keys("studies")) > studies
    assert len(Store(store).keys("studies")) == 4  # default and best settings on two seeds
    shown = capsys.readouterr()
    assert "ga: trial 2 of 3" in shown.err
    assert "ga: trial 1 of 3" not in shown.err
    assert "neggrad-plus   best" in shown.out
    assert "rank  method" in shown.out
    assert "seeds 131, 42" in shown.out

    preset = presets.named(str(out))
    best = min(
        (one for one in second["ga"]["trials"] if one["state"] == COMPLETE),
        key=lambda one: one["value"],
    )
    assert preset.name == "mine"
    assert preset.settings["train"] == {"epochs": 3}
    for name, value in preset.settings["ga"].items():
        assert best["settings"][name] == value
    words = ["--seeds", "131", "--store", str(store), "--out", str(tmp_path / "tables")]
    assert main(["reproduce", str(out), *words]) == 0
    assert "3 settings" in capsys.readouterr().out
    assert (tmp_path / "tables" / "mine.csv").is_file()


def test_an_interrupted_search_ends_like_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conditions = Conditions(
        "iris", seeds=(11, 12), trials=4, retrains=2, constants={"train": {"epochs": "3"}}
    )

    def run(name: str, trials: int) -> list[dict[str, Any]]:
        pipeline = Pipeline(Store(tmp_path / name), "cpu")
        one = Conditions(**{**vars(conditions), "trials": trials})
        found = contest.tune(pipeline, ["gd", "ssd"], one, Reporter())
        return [(x.settings, x.values, x.state) for result in found for x in result.trials]

    whole = run("whole", 4)
    run("parts", 1)
    run("parts", 3)
    assert run("parts", 4) == whole
    assert len(run("whole", 2)) == 4  # the first two of each


class Bar(Reporter):
    """Keeps what the bar expects and reached, and the log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def on_log(self, message: str) -> None:
        self.lines.append(message)

    @property
    def full(self) -> bool:
        return self._done == pytest.approx(self._total)


def test_what_fails_or_cannot_win_any_more_is_stored_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.methods.ngd import computation

    real, tried = computation.unlearn, []

    def unlearn(problem: Any, config: NGD) -> Any:
        tried.append(config)
        if len({one.lr for one in tried}) == 2:
            raise TrainingError("the loss is NaN")
        return real(problem, config)

    monkeypatch.setattr(computation, "unlearn", unlearn)
    values = iter([1.0, 1.0, 3.0, 0.5, 0.5])  # trial 1; trial 3: 3 > 2 x 1, pruned; trial 4
    monkeypatch.setattr(
        contest, "objective", lambda name: _objective(lambda study, model: next(values))
    )
    bar = Bar()
    conditions = Conditions("iris", seeds=(11, 12), trials=4, retrains=2)
    found = contest.tune(Pipeline(Store(tmp_path / "s"), "cpu"), ["ngd"], conditions, bar)[0]
    assert [one.state for one in found.trials] == [COMPLETE, FAILED, PRUNED, COMPLETE]
    assert found.trials[1].reason == "the loss is NaN"
    assert found.trials[2].values == {11: 3.0}
    assert found.best is found.trials[3]
    assert [found.count(state) for state in (COMPLETE, PRUNED, FAILED)] == [2, 1, 1]
    assert bar.full
    assert bar.lines[1] == "ngd: trial 2 of 4: no value (failed), best 1.000"
    assert next(iter(contest.lines([found]))).endswith("2 complete, 1 pruned, 1 failed")


def _objective(of: Callable[..., float]) -> Any:
    from engine.tuning.objective import Objective

    return Objective("gap", "a number", "a number", of, False)


def test_residual_knowledge_is_measured_only_where_the_objective_needs_it(store: Path) -> None:
    pipeline = Pipeline(Store(store), "cpu")
    for name, taus in (("gap", 1), ("rk", 3)):
        one = Conditions(
            "iris", seeds=(11,), trials=1, retrains=2, objective=name, draws=5, taus="0,0.1,0.2"
        )
        found = contest.tune(pipeline, ["gd"], one, Reporter())[0]
        assert found.default.state == COMPLETE
        key = pipeline.studies()[0].key
        assert len(pipeline.study(key).residual.taus) == taus


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--seeds", "11,42"], "Seed 42 is reported by tables"),
        (["--seeds", "131"], "Seed 131 is reported by tables"),
        (["--rank-seeds", "11"], "11 is a seed of the trials"),
        (["--objective", "rq"], "Did you mean 'rk'"),
        (["--trials", "0"], "at least 1"),
        (["--methods", "gaa"], "Did you mean 'ga'"),
        (["--set", "rurk.tau=0.1"], "'rurk', but it is not one of the methods"),
        (["--methods", "cr", "--set", "cr.decay=0.1"], "nothing to tune"),
        (["--out", "preset.json"], "ends in .toml"),
    ],
)
def test_what_cannot_be_tuned_is_said_in_a_sentence(
    arguments: list[str], sentence: str, tune: Tune, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune("--trials", "1", *arguments) == 2
    assert sentence in capsys.readouterr().err


def test_without_optuna_a_sentence_says_how_to_get_it(
    tune: Tune, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "optuna" else real(name)
    )
    assert tune("--trials", "2") == 2
    assert "Tuning needs the package optuna" in capsys.readouterr().err


def test_a_damaged_file_of_trials_is_refused(
    tune: Tune, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune("--trials", "1", "--methods", "ga") == 0
    path = next((store / "tuning" / "trials").glob("*-ga-*.json"))
    path.write_text(path.read_text().replace("complete", "finished"))
    assert tune("--trials", "1", "--methods", "ga") == 2
    assert "Move it away to begin anew" in capsys.readouterr().err
