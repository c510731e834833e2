"""Words of messages dropped or replaced: the same for all models, and counted by a plain loop."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from needs import needs

from engine import perturbations
from engine.__main__ import main
from engine.datasets.base import Dataset, load
from engine.errors import SpecError
from engine.perturbations import BLOCK, Edit, Messages
from engine.perturbations.words import edited
from engine.pipeline.bundled_data import dataset_of, record_of
from engine.pipeline.pipeline import Pipeline
from engine.residual.predictions import predict_copies
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, ProbeSpec
from engine.storage.store import Store

TAUS = (0.0, 0.2, 0.5, 1.0)
TEXTS = ("one two three four five six seven eight nine ten", "a b c d", "solo", "", "x y z")


def lengths(texts: list[str]) -> np.ndarray:
    """(k, 1) a stand-in for an encoder."""
    return np.array([[len(text) / 100] for text in texts], np.float32)


MESSAGES = Messages(TEXTS, 4, lengths)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """60 messages of two classes."""
    path = tmp_path_factory.mktemp("messages") / "sms.tsv"
    starts = {"ham": "see you at home", "spam": "win a free prize"}
    path.write_text(
        "\n".join(
            f"{name}\t{text} number {i} w{i}" for i in range(30) for name, text in starts.items()
        )
    )
    return load(DataSpec("text", str(path)))


@pytest.mark.parametrize(
    ("tau", "expected"), [(0.0, 0), (0.01, 1), (0.14, 1), (0.2, 2), (0.5, 5), (1.0, 10)]
)
def test_tau_is_the_share_of_words_that_change(tau: float, expected: int) -> None:
    for one in edited(MESSAGES, 0, 7, 0, tau):
        assert len(one.words) == len(one.copy) == 10
        assert sum(one.changed) == expected


def test_half_of_the_changed_words_are_dropped_the_others_come_from_other_messages() -> None:
    ones = [one for block in range(40) for one in edited(MESSAGES, 0, 7, block, 1.0)]
    copies = Counter(word for one in ones for word in one.copy)
    assert set(copies) == {"", "a", "b", "c", "d", "solo"}  # of the other training messages
    assert 0.45 < copies[""] / 4000 < 0.55
    assert all(copies[word] > 300 for word in ("a", "b", "c", "d", "solo"))


def test_a_test_message_gets_words_of_any_training_message() -> None:
    ones = [one for block in range(20) for one in edited(MESSAGES, 4, 7, block, 1.0)]
    words = {word for one in ones for word in one.copy if word}
    assert words == {word for text in TEXTS[:4] for word in text.split()}


def test_what_changes_at_one_tau_changes_in_the_same_way_at_a_larger_one() -> None:
    small, large = (edited(MESSAGES, 0, 7, 3, tau) for tau in (0.3, 0.7))
    for few, many in zip(small, large, strict=True):
        for place, changed in enumerate(few.changed):
            if changed:
                assert few.copy[place] == many.copy[place]
        assert sum(many.changed) > sum(few.changed)


def test_draws_depend_on_seed_sample_and_number_alone() -> None:
    def copies(seed: int, sample: int, block: int) -> list[tuple[str, ...]]:
        return [one.copy for one in edited(MESSAGES, sample, seed, block, 0.5)]

    assert copies(7, 0, 0) == copies(7, 0, 0)
    assert copies(7, 0, 0) != copies(8, 0, 0) and copies(7, 0, 0) != copies(7, 0, 1)
    assert len(set(copies(7, 0, 0))) > 5


def test_messages_of_one_word_and_of_none() -> None:
    assert {one.copy for one in edited(MESSAGES, 2, 7, 0, 0.1)} > {("",)}
    assert {one.text for one in edited(MESSAGES, 3, 7, 0, 1.0)} == {""}


def test_where_there_are_no_other_messages_words_are_dropped() -> None:
    alone = Messages(("just these words",), 1, lengths)  # type: ignore[arg-type]
    copies = edited(alone, 0, 7, 0, 1.0)
    assert {one.text for one in copies} == {""}


def test_the_counts_are_those_of_a_plain_loop(data: Dataset) -> None:
    torch.manual_seed(0)
    models = {"a": torch.nn.Linear(1024, 2).eval(), "b": torch.nn.Linear(1024, 2).eval()}
    samples, probe = [3, 17, 40], ProbeSpec("words", TAUS, 20, seed=5)
    x, y = torch.from_numpy(data.train_x[samples]), torch.from_numpy(data.train_y[samples])
    found = predict_copies(
        models, x, y, samples, probe, range(2), 2, Reporter(), messages=data.messages
    )
    assert data.messages is not None and data.encode is not None
    for name, model in models.items():
        for row, sample in enumerate(samples):
            for column, tau in enumerate(TAUS):
                for draw in range(20):
                    block, place = divmod(draw, BLOCK)
                    text = edited(data.messages, sample, 5, block, tau)[place].text
                    with torch.no_grad():
                        logits = model(torch.from_numpy(data.encode([text])))
                    assert found[name][row, column, draw] == int(logits.argmax())


def test_a_study_measures_with_it_and_shows_the_words(data: Dataset, tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path / "store"))
    dataset = pipeline.dataset(data.spec, Reporter())
    spec = pipeline.compose(
        dataset, forget="random:5", methods=["gd"], perturbation="words", taus="0,0.2,0.6",
        draws=20, settings={"train": {"epochs": "3"}}, retrains=2,
    )  # fmt: skip
    study = pipeline.run(spec, Reporter())
    assert study.residual.counts["gd"].shape == (5, 3)
    seen = pipeline.neighborhood(spec, spec.forget[1], "", 0.6, Reporter())
    assert len(seen.edits) == 20 and all(any(one.changed) for one in seen.edits)
    assert dataset.encode is not None
    np.testing.assert_array_equal(seen.copies, dataset.encode([one.text for one in seen.edits]))
    assert seen.counts["gd"] == study.residual.counts["gd"][1, 2]
    assert pipeline.neighborhood(spec, spec.forget[1], "gaussian", 0.01, Reporter()).edits == ()
    again = pipeline.neighborhood(spec, spec.forget[1], "words", 0.6, Reporter())
    assert again.edits == seen.edits
    taus = pipeline.recognition(spec, "gd", Reporter()).taus
    assert taus.shape == (5,) and np.nanmax(taus, initial=0) <= 0.6


def test_data_without_messages_get_a_sentence(tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path / "store"))
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    with pytest.raises(
        SpecError, match=r"samples of this dataset are no messages\. Choose another"
    ):
        pipeline.compose(iris, perturbation="words")
    assert "words" not in perturbations.suiting(False) and "words" in perturbations.suiting(True)


def test_what_it_cannot_do_gets_a_sentence(data: Dataset, tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path / "store"))
    dataset = pipeline.dataset(data.spec, Reporter())
    with pytest.raises(SpecError, match="share of words changed and must lie between 0 and 1"):
        pipeline.compose(dataset, perturbation="words", taus="0,1.5")
    with pytest.raises(SpecError, match=r"Adaptive draws .* choose gaussian, l2 or linf"):
        pipeline.compose(dataset, perturbation="words", probe={"adaptive": 25.0})
    with pytest.raises(SpecError, match=r"no choice for rurk\.search 'words'"):
        pipeline.compose(dataset, methods=["rurk"], settings={"rurk": {"search": "words"}})


def test_a_bundle_s_messages_make_the_same_copies(data: Dataset) -> None:
    kind, again = perturbations.named("words"), dataset_of(record_of(data))
    assert isinstance(kind, Edit)
    probe, x, y = ProbeSpec("words"), torch.zeros(1, 1024), torch.zeros(1, dtype=torch.long)
    one, two = (
        kind.on(own.messages).copies(probe, 0.5, x, y, [9], 1, 2, None) for own in (data, again)
    )
    assert torch.equal(one, two) and one.shape == (1, BLOCK, 1024)
    assert replace(kind, messages=None) == kind


@needs("matplotlib")
def test_its_figure_numbers_the_copies_and_says_what_they_changed(
    data: Dataset, tmp_path: Path
) -> None:
    store, out = str(tmp_path / "store"), tmp_path / "near.svg"
    words = ["run", "--dataset", "text", "--root", data.spec.root, "--forget", "random:5"]
    words += ["--methods", "gd", "--draws", "20", "--set", "train.epochs=2", "--json"]
    assert main([*words, str(tmp_path / "out.json"), "--store", store]) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["spec"]["probe"]["perturbation"] == "words"
    sample = found["spec"]["forget"][0]
    figure = ["figure", found["key"], "--kind", "neighborhood", "--sample", str(sample)]
    assert main([*figure, "--out", str(out), "--store", store]) == 0
    caption = out.with_suffix(".txt").read_text()
    assert data.texts[sample] in caption and "1: '" in caption and " dropped" in caption
    rows = list(csv.DictReader(out.with_suffix(".csv").read_text().splitlines()))
    assert {row["text"] for row in rows} > {rows[0]["text"]}
    figure[figure.index("neighborhood") :] = ["samples"]
    assert main([*figure, "--out", str(tmp_path / "sheet.svg"), "--store", store]) == 0
    words = " ".join(ElementTree.parse(tmp_path / "sheet.svg").getroot().itertext()).split()
    assert set(data.texts[sample].split()[:3]) <= set(words)
