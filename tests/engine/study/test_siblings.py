"""What tells studies apart, in words."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import made
import pytest

from engine.results import StudySummary
from engine.study.siblings import distinguishing, in_words, sibling_settings, varied
from engine.study.study_labels import study_labels


def words(*specs: dict[str, object]) -> list[str]:
    parts = distinguishing({str(i): sibling_settings(spec) for i, spec in enumerate(specs)})
    return [in_words(parts[str(i)]) for i in range(len(specs))]


def test_every_study_of_a_grid_reads_differently() -> None:
    grid = [made.spec(seed, tau) for seed, tau in product(range(6), (0.1, 0.2, 0.4))]
    found = words(*grid)
    assert len(set(found)) == len(grid)
    assert found[0] == "seed 0, tau 0.1"


def test_what_follows_from_the_seed_is_not_said() -> None:
    assert words(made.spec(1), made.spec(2)) == ["seed 1", "seed 2"]
    assert varied(map(sibling_settings, (made.spec(1), made.spec(2)))) == ["seed"]


def test_what_nearly_all_share_is_said_only_of_the_others() -> None:
    usual = [made.spec(seed) for seed in range(9)]
    found = words(*usual, made.spec(9, 0.7))
    assert found[:9] == [f"seed {seed}" for seed in range(9)]
    assert found[9] == "seed 9, tau 0.7"


def test_the_one_study_with_all_the_usual_values_is_called_by_its_seed() -> None:
    others = [{**made.spec(), "retrains": 3 + number} for number in range(2)]
    found = words(*[made.spec()], *others)
    assert found == ["retrains 2", "retrains 3", "retrains 4"]
    found = words(*[made.spec(seed) for seed in (1, 1, 1, 1, 1)][:1], made.spec(1, 0.3))
    assert found == ["tau 0.1", "tau 0.3"]


def test_two_forget_sets_of_one_size_are_told_apart() -> None:
    one, two = words({**made.spec(), "forget": [1, 2, 3]}, {**made.spec(), "forget": [4, 5, 6]})
    assert one != two
    assert one.startswith("forget set #") and two.startswith("forget set #")


def test_folders_are_told_apart_by_their_names() -> None:
    def folder(root: str, mark: str) -> dict[str, object]:
        data = {"name": "folder", "root": root, "seed": 1, "side": 0, "fingerprint": mark}
        return {**made.spec(1), "data": data}

    assert words(folder("/data/cats", "a"), folder("/data/dogs/", "b")) == [
        "folder cats", "folder dogs",
    ]  # fmt: skip


def test_studies_that_nothing_tells_apart_have_their_keys() -> None:
    assert words(made.spec(), made.spec()) == ["key 0", "key 1"]


def summary(key: str, spec: dict[str, object], **more: object) -> StudySummary:
    row = StudySummary(key, "digits", "mlp", 3, ("rurk",), "gaussian", 10, 1, "", 1.0)
    return replace(row, settings=sibling_settings(spec), **more)


def test_labels_begin_with_names_and_are_unique_even_if_names_are_not() -> None:
    studies = [
        summary("a" * 20, made.spec(1), name="paper"),
        summary("b" * 20, made.spec(2), name="paper"),
        summary("c" * 20, made.spec(3)),
        summary("d" * 20, {**made.spec(3), "data": {**made.spec(3)["data"], "name": "iris"}}),
    ]
    found = study_labels(studies)
    assert found["a" * 20] == "paper · seed 1"
    assert len(set(found.values())) == 4


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_is_said_where_there_is_nothing_to_tell_apart(count: int) -> None:
    assert words(*[made.spec()] * count) == [""] * count
