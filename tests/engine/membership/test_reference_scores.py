"""U-LiRA and RMIA on simulated truth, and against a plain loop over samples and models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from engine.errors import SpecError
from engine.membership.attack import attack
from engine.membership.reference_scores import CLAIM, reference_note
from engine.membership.references import Reference, References
from engine.membership.results import Attack
from engine.results import ModelResult

CLASSES = 3


def logits_of(odds: np.ndarray) -> np.ndarray:
    """(n, K) logits under which class 0 has these log-odds."""
    made = np.zeros((len(odds), CLASSES))
    made[:, 0] = odds + math.log(CLASSES - 1)
    return made


class World:
    """Simulated log-odds: a difficulty of each sample, common to all models, and noise of each.

    Members are shifted by `learned` under the Original and by `left` under the unlearned model.
    """

    def __init__(
        self, n: int, test: int, *, learned: float, left: float, models: int = 12, seed: int = 0
    ) -> None:
        rng = np.random.default_rng(seed)
        self.n, self.test = n, test
        difficulty = rng.normal(1, 3, n + test)

        def answer(shift: float) -> np.ndarray:
            odds = difficulty + rng.normal(0, 1, n + test)
            odds[:n] += shift
            return odds

        self.odds = {"original": answer(learned), "gd": answer(left)}
        self.odds |= {f"retrain-{j}": answer(0.0) for j in range(models)}
        self.shadows = [answer(left) for _ in range(models)]

    def models(self) -> dict[str, ModelResult]:
        parts = {name: (one[: self.n], one[self.n :]) for name, one in self.odds.items()}
        return {
            name: ModelResult(name, name, name, 1.0, (), logits_of(a), logits_of(b))
            for name, (a, b) in parts.items()
        }

    def reference(self, key: str, odds: np.ndarray, counts: Any = True) -> Reference:
        mask = np.broadcast_to(np.asarray(counts, bool), self.n).copy()
        return Reference(key, odds[: self.n], odds[self.n :], mask)

    def references(self, *, shadows: bool = False) -> References:
        out = [self.reference(k, v) for k, v in self.odds.items() if k.startswith("retrain")]
        unlearned = [self.reference(f"s{i}", one) for i, one in enumerate(self.shadows)]
        return References(
            tuple(out),
            (self.reference("original", self.odds["original"]),),
            {"gd": tuple(unlearned)} if shadows else {},
            tuple(one for name, one in self.models().items() if name.startswith("retrain")),
        )

    def attack(self, *names: str, score: str = "u-lira", **words: Any) -> Attack:
        models = self.models()
        y, ty = np.zeros(self.n, int), np.zeros(self.test, int)
        references = words.pop("references", None) or self.references()
        return attack(
            {name: models[name] for name in names or ("gd",)}, y, ty, np.arange(self.n),
            score=score, references=references, **words,
        )  # fmt: skip


# -- against a plain loop --------------------------------------------------------------------------
def plain_u_lira(world: World, found: Attack, shift: float | None, out: list[np.ndarray]) -> Any:
    """Score of each reported sample, one at a time, without per-sample masks."""
    everything = np.concatenate([found.samples, found.held_out])
    squares, freedom = 0.0, 0
    for sample in everything:
        answers = [float(one[sample]) for one in out]
        mean = sum(answers) / len(answers)
        squares += sum((one - mean) ** 2 for one in answers)
        freedom += len(answers) - 1
    variance = squares / freedom * (1 + 1 / len(out))
    scores = []
    for sample in found.samples:
        mean = sum(float(one[sample]) for one in out) / len(out)
        x = float(world.odds["gd"][sample]) - mean
        if shift is None:
            scores.append(x / math.sqrt(variance))
        else:
            inside = -((x - shift) ** 2) / (2 * variance)
            scores.append(inside + x**2 / (2 * variance))
    return scores


def test_u_lira_is_the_likelihood_ratio_of_two_normals() -> None:
    world = World(40, 90, learned=4.0, left=2.0, models=5)
    found = world.attack()
    out = [odds for name, odds in world.odds.items() if name.startswith("retrain")]
    held = found.held_out[found.held_member]
    gaps = [world.odds["original"][i] - np.mean([one[i] for one in out]) for i in held]
    expected = plain_u_lira(world, found, float(np.mean(gaps)), out)
    assert found.models["gd"].values == pytest.approx(expected)


def test_without_models_that_learned_it_the_score_is_standardized() -> None:
    world = World(40, 90, learned=4.0, left=2.0, models=5)
    found = world.attack(references=References(world.references().out))
    out = [odds for name, odds in world.odds.items() if name.startswith("retrain")]
    assert found.models["gd"].values == pytest.approx(plain_u_lira(world, found, None, out))


def test_with_many_models_each_sample_has_its_own_variance() -> None:
    world = World(30, 60, learned=4.0, left=2.0, models=70)
    found = world.attack(references=References(world.references().out))
    out = np.stack([odds for name, odds in world.odds.items() if name.startswith("retrain")])
    mean, deviation = out.mean(0), out.std(0, ddof=1) * math.sqrt(1 + 1 / 70)
    expected = ((world.odds["gd"] - mean) / deviation)[found.samples]
    assert found.models["gd"].values == pytest.approx(expected)


def test_rmia_is_the_share_of_the_population_with_a_smaller_ratio() -> None:
    world = World(20, 70, learned=3.0, left=1.0, models=4)
    found = world.attack(score="rmia")

    def ratio(sample: int) -> float:
        p = 1 / (1 + math.exp(-float(world.odds["gd"][sample])))
        others = [odds for name, odds in world.odds.items() if name.startswith("retrain")]
        q = np.mean([1 / (1 + math.exp(-float(one[sample]))) for one in others])
        return p / ((1.3 * q + 0.7) / 2)

    tests = set(range(world.n, world.n + world.test))
    population = tests - set(found.samples[~found.member])
    for samples, values in (
        (found.samples, found.models["gd"].values),
        (found.held_out, found.models["gd"].held_out),
    ):
        for sample, value in zip(samples, values, strict=True):
            others = population - {int(sample)}
            share = sum(ratio(int(sample)) / ratio(z) >= 1 for z in others) / len(others)
            assert value == pytest.approx(share)


# -- members and non-members alike -----------------------------------------------------------------
def test_a_non_member_is_compared_with_the_models_of_the_member_it_is_paired_with() -> None:
    world = World(40, 40, learned=4.0, left=0.0, models=6)
    half = np.arange(40) % 2 == 0  # three of six models count for every second member only
    out = [
        world.reference(name, odds, True if number < 3 else half)
        for number, (name, odds) in enumerate(
            (k, v) for k, v in world.odds.items() if k.startswith("retrain")
        )
    ]
    found = world.attack(references=References(tuple(out)))
    p = found.size
    for place in range(p):
        models = 6 if half[found.samples[place]] else 3
        for row in (place, p + place):
            sample = found.samples[row]
            odds = [list(world.odds.values())[2 + j][sample] for j in range(models)]
            sign = world.odds["gd"][sample] - np.mean(odds)
            assert np.sign(found.models["gd"].values[row]) == np.sign(sign)


@pytest.mark.parametrize("score", ["u-lira", "rmia"])
def test_an_attacked_retrain_is_no_reference_for_itself_nor_for_the_other(score: str) -> None:
    world = World(60, 90, learned=4.0, left=2.0, models=4)
    both = world.attack("gd", "retrain-1", score=score)
    without = [one for one in world.references().out if one.key != "retrain-1"]
    alone = world.attack(
        score=score, references=References(tuple(without), world.references().trained)
    )
    assert both.models["gd"].values == pytest.approx(alone.models["gd"].values)
    assert "3 models that never saw the sample" in both.note


# -- simulated truth -------------------------------------------------------------------------------
def rates(score: str, left: float, **words: Any) -> Mapping[str, float]:
    world = World(2400, 2600, learned=4.0, left=left, models=8, seed=3)
    one = world.attack(score=score, references=world.references(**words)).models["gd"]
    return {"auc": one.auc.value, "low": one.tpr_at_low.value, "lowest": one.tpr_at_lowest.value}


@pytest.mark.parametrize("score", ["u-lira", "rmia"])
def test_what_is_left_raises_the_rate_and_nothing_left_is_chance(score: str) -> None:
    none, some, much = (rates(score, left) for left in (0.0, 1.5, 4.0))
    assert none["auc"] == pytest.approx(0.5, abs=0.03)
    assert none["auc"] + 0.1 < some["auc"] < much["auc"]
    assert none["low"] + 2 < some["low"] < much["low"]


def test_each_sample_beside_itself_tells_more_than_samples_beside_each_other() -> None:
    plain, lira = rates("confidence", 3.0), rates("u-lira", 3.0)
    assert lira["low"] > plain["low"] + 20
    normal = 100 * (1 - 0.5 * math.erfc(-(2.326 - 3 / math.sqrt(1 + 1 / 8)) / math.sqrt(2)))
    assert lira["low"] == pytest.approx(normal, abs=8)  # of two normals a known distance apart


def test_a_model_that_forgot_too_much_is_found_by_those_of_other_seeds() -> None:
    """It is less certain of the forget set than Re-train: trained models point the wrong way."""
    assert rates("u-lira", -2.0)["auc"] < 0.2
    assert rates("u-lira", -2.0, shadows=True)["auc"] > 0.8


@pytest.mark.parametrize("score", ["u-lira", "rmia"])
def test_a_retrain_in_the_place_of_the_unlearned_model_is_chance(score: str) -> None:
    low, lowest, inside = [], [], []
    for seed in range(8):
        world = World(2400, 2600, learned=4.0, left=4.0, models=8, seed=seed)
        found = world.attack("gd", "retrain-3", score=score)
        null = found.models["retrain-3"]
        low.append(null.tpr_at_low.value)
        lowest.append(null.tpr_at_lowest.value)
        inside.append(null.auc.low < 0.5 < null.auc.high)
        assert found.difference.low > 0.2
    # among 1,200 + 1,200 alike, 13 members lie above the 13th non-member on average, and 2 above
    # the second
    assert np.mean(low) == pytest.approx(100 * 13 / 1201, abs=0.45)
    assert np.mean(lowest) == pytest.approx(100 * 2 / 1201, abs=0.15)
    assert sum(inside) >= 6  # of 8 intervals of 95 %


def test_the_null_is_the_area_for_each_retrain_judged_by_the_others() -> None:
    world = World(300, 400, learned=4.0, left=4.0, models=4)
    found = world.attack("gd", "original")
    alone = [
        world.attack(f"retrain-{j}", "original").models[f"retrain-{j}"].auc.value for j in range(4)
    ]
    assert found.null == pytest.approx(alone, abs=0.02)  # there the Original shows no shift
    assert f"AUC {min(found.null):.2f} to {max(found.null):.2f}" in found.note
    assert max(found.null) < 0.6 < found.models["gd"].auc.low
    assert World(30, 40, learned=4.0, left=4.0, models=2).attack().null == ()
    assert world.attack(score="rmia").null and world.attack(score="loss").null == ()


# -- how many it takes -----------------------------------------------------------------------------
def test_too_few_models_or_samples_are_said() -> None:
    world = World(40, 90, learned=4.0, left=2.0, models=2)
    with pytest.raises(SpecError, match=r"U-LiRA needs 2 or more models .* has 1\. .*--retrains 3"):
        world.attack("gd", "retrain-0")
    assert world.attack("gd", "retrain-0", score="rmia").size == 20
    with pytest.raises(SpecError, match="RMIA needs 1 or more"):
        world.attack("retrain-0", "retrain-1", score="rmia")
    with pytest.raises(SpecError, match="all models saw the retain set"):
        world.attack(members="retain")
    with pytest.raises(SpecError, match="only one test sample"):
        World(3, 1, learned=4.0, left=2.0, models=2).attack(score="rmia")
    few = World(3, 2, learned=4.0, left=2.0, models=2).attack(score="rmia")
    assert np.isfinite(few.models["gd"].held_out).all()
    found = world.attack()
    assert math.isnan(found.models["gd"].tpr_at_low.value)
    assert math.isnan(found.models["gd"].tpr_at_lowest.value)
    assert f"to conclude that nothing is left takes {CLAIM}" in found.note


def test_the_note_says_what_was_compared_with() -> None:
    assert reference_note("u-lira", 70, 3, True) == (
        "Reference: 70 models that never saw the sample, and 3 that forgot it by the same method."
    )
    few = reference_note("u-lira", 3, 1, False)
    assert "one variance for all samples, and 1 that learned it" in few


def test_every_sample_is_listed_once_with_its_scores() -> None:
    world = World(21, 50, learned=4.0, left=2.0)
    found = world.attack("gd", "retrain-0")
    rows = found.per_sample()
    assert [row[0] for row in rows] == sorted({*found.samples, *found.held_out})
    assert sum(row[2] for row in rows) == len(found.held_out)
    scores = dict(zip(found.samples.tolist(), found.models["gd"].values, strict=True))
    assert all(row[3][0] == scores[row[0]] for row in rows if not row[2])
    assert all(row[1] == (row[0] < world.n) and len(row[3]) == 2 for row in rows)


def test_equal_references_leave_finite_scores() -> None:
    world = World(20, 30, learned=1.0, left=1.0, models=3)
    same = world.odds["retrain-0"]
    out = tuple(world.reference(f"r{i}", same) for i in range(3))
    assert np.isfinite(world.attack(references=References(out)).models["gd"].values).all()
