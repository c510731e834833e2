"""What samples are called, and forget sets that are lists of names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.datasets.base import Dataset, Recommended
from engine.errors import SpecError
from engine.forget_sets.forget_set import forget_set
from engine.forget_sets.indices import index_table, parse_samples
from engine.forget_sets.sample_names import SampleNames, sample_label, sample_title
from engine.spec import DataSpec, TrainSpec
from engine.study.command_line import forget_text
from engine.study.compose import compose

KINDS = ("flat", "tall")
PARTS = (("train", 10), ("test", 4))
FILES = [f"{part}/{kind}/{n:02d}.png" for part, count in PARTS for kind in KINDS
         for n in range(count)]  # fmt: skip


def dataset(files: Sequence[str] = FILES, root: str = "/data/pictures") -> Dataset:
    """Twenty training images and eight test images in files of these names."""
    x = np.random.default_rng(0).integers(0, 255, (28, 1, 4, 4), np.uint8)
    y = np.repeat([0, 1, 0, 1], [10, 10, 4, 4]).astype(np.int64)
    advice = Recommended("mlp", TrainSpec(epochs=1), "class:0:2")
    spec = DataSpec("folder", root)
    return Dataset(
        spec, "pictures", KINDS, x[:20], y[:20], x[20:], y[20:], advice, files=tuple(files)
    )


def forgotten(tmp_path: Path, text: str, data: Dataset | None = None, kind: str = "files") -> (
    tuple[int, ...]
):  # fmt: skip
    path = tmp_path / "names.txt"
    path.write_text(text, encoding="utf-8")
    return forget_set(f"{kind}:{path}", data or dataset(), 0).indices


def message_of(tmp_path: Path, text: str, data: Dataset | None = None) -> str:
    with pytest.raises(SpecError) as caught:
        forgotten(tmp_path, text, data)
    return str(caught.value)


# -- what a sample is called ----------------------------------------------------------------------


def test_one_function_words_a_sample() -> None:
    data = dataset()
    assert sample_label(13, data) == "sample 13 (train/tall/03.png)"
    assert sample_title(20, data) == "Sample 20 (test/flat/00.png)"
    assert sample_title(21, dataset(())) == "Sample 21 (folder test 1)"
    assert sample_label(13, None) == "sample 13" and sample_label(99, data) == "sample 99"
    assert sample_title(None, data) == "No sample"


def test_a_name_that_cannot_be_shown_is_made_harmless() -> None:
    data = dataset(["a\x1b[2J\u202e.png", "long/" * 30 + "end.png", *FILES[2:]])
    assert sample_label(0, data) == "sample 0 (a\ufffd[2J\ufffd.png)"
    assert sample_label(1, data).endswith("long/end.png)") and len(sample_label(1, data)) < 80


# -- names in a file ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["files", "indices"])
@pytest.mark.parametrize(
    "text",
    [
        "train/flat/03.png\ntrain/tall/02.png\n", "flat/03.png\ntall/02.png",
        "./flat/03.png\n./tall/02.png",
        "flat\\03.png\r\ntrain\\tall\\02.png\r\n", '"flat/03.png"\n"tall/02.png"',
        "'flat/03.png'\n'tall/02.png'",
        "/data/pictures/train/flat/03.png\n/data/pictures/train/tall/02.png",
        "/data/else/../pictures/train/flat/03.png\ntall//02.png",
        "pictures/train/flat/03.png\ntall/02.png",
        "data/pictures/train/flat/03.png\npictures/tall/02.png",
        "training/flat/03.png\ntall/./02.png",
        "# mine\nflat/03.png\n\n// and\ntall/02.png", "file\nflat/03.png\ntall/02.png",
        "Path,label\nflat/03.png,0\ntall/02.png,1", "label;filename\n0;flat/03.png\n1;tall/02.png",
        ",name\n0,flat/03.png\n1,tall/02.png", "flat/03.png, tall/02.png",
        "\ufeffflat/03.png\ntall/02.png",
        "flat/*3.png\ntall/?2.png", "**/flat/03.png\ntrain/tall/0[2].png",
        '["flat/03.png", "tall/02.png"]', '{"files": ["flat/03.png", "train/tall/02.png"]}',
    ],
)  # fmt: skip
def test_two_images_however_they_are_named(tmp_path: Path, text: str, kind: str) -> None:
    assert forgotten(tmp_path, text, kind=kind) == (3, 12)


def test_names_in_an_array(tmp_path: Path) -> None:
    np.save(tmp_path / "names.npy", np.array(["flat/03.png", "tall/02.png"]))
    assert forget_set(f"indices:{tmp_path / 'names.npy'}", dataset(), 0).indices == (3, 12)


def test_a_pattern_means_training_images_within_their_folder(tmp_path: Path) -> None:
    assert forgotten(tmp_path, "flat/0[0-8]*") == tuple(range(9))
    assert forgotten(tmp_path, "train/*/0[01].png") == (0, 1, 10, 11)
    assert forgotten(tmp_path, "**/09.png") == (9, 19)
    assert "'*.png'" in message_of(tmp_path, "*.png\n")


def test_a_base_name_is_enough_where_it_is_the_only_one(tmp_path: Path) -> None:
    own = [f"train/c{n // 10}/images/c{n // 10}_{n}.JPEG" for n in range(20)] + FILES[20:]
    assert forgotten(tmp_path, "c0_3.JPEG\nimages/c1_12.JPEG", dataset(own)) == (3, 12)


def test_names_without_a_suffix_and_with_brackets_or_blanks(tmp_path: Path) -> None:
    own = ["flat/0003", "flat/a [1].png", "flat/b, c.png", *(f"tall/{n}" for n in range(25))]
    assert forgotten(tmp_path, "flat/0003\nflat/a [1].png\nflat/b, c.png", dataset(own)) == (
        0,
        1,
        2,
    )
    assert forgotten(tmp_path, "0003\n", dataset(own)) == (0,)


def test_composed_and_decomposed_letters_are_the_same_name(tmp_path: Path) -> None:
    own = ["flat/cafe\u0301.png", *FILES[1:]]
    assert forgotten(tmp_path, "flat/caf\u00e9.png", dataset(own)) == (0,)


@pytest.mark.parametrize("kind", ["files", "indices"])
def test_samples_that_are_no_files_have_numbers(tmp_path: Path, kind: str) -> None:
    text = "folder train 3\nfolder train 12\n"
    assert forgotten(tmp_path, text, dataset(()), kind) == (3, 12)
    assert forgotten(tmp_path, "train 3\ntrain 12\n", dataset(()), kind) == (3, 12)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("flat/03.png\nflat/77.png\nflat/78.png\n",
         "names.txt: 2 entries match no sample; the first, line 2: 'flat/77.png'. Names look like "
         "'train/flat/00.png'."),
        ("flat/03.png\n03.png\n",
         "1 entry may match several samples; the first, line 2: '03.png' may be "
         "'train/flat/03.png' or 'train/tall/03.png'."),
        ("flat/03.png\n\ntest/flat/03.png\ntest/flat/02.png\n",
         "2 entries are test samples; the first, line 3: 'test/flat/03.png'. "
         "Only training samples can be forgotten."),
        ("/elsewhere/train/flat/03.png", "flat/03.png' is outside /data/pictures."),
        ("../secret.png", "1 entry matches no sample; the first, line 1: '../secret.png'"),
        ("flat/03.png\n17\n", "1 entry matches no sample; the first, line 2: '17'"),
        ("", "The forget set is empty"),
        ("[3, 17]", "lists indices, not names. Use indices: instead of files:."),
    ],
)  # fmt: skip
def test_what_names_no_training_sample_is_counted(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in message_of(tmp_path, text)


def test_a_file_that_was_held_out_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "99.png").write_bytes(b"")
    own = dataset([name.removeprefix("train/") for name in FILES], str(tmp_path))
    assert "it is held out or was not read" in message_of(tmp_path, "flat/99.png", own)
    assert forgotten(tmp_path, f"{tmp_path}/flat/03.png\ntrain/tall/02.png", own) == (3, 12)


def test_names_where_the_data_have_none(tmp_path: Path) -> None:
    assert "This dataset has no files. Names look like 'folder train 0'" in message_of(
        tmp_path, "flat/03.png", dataset(())
    )


def test_a_list_of_indices_is_no_list_of_names(tmp_path: Path) -> None:
    np.save(tmp_path / "forget.npy", np.arange(3))
    with pytest.raises(SpecError, match=r"lists indices, not names\. Use indices: instead"):
        forget_set(f"files:{tmp_path / 'forget.npy'}", dataset(), 0)


def test_too_many_patterns_are_refused(tmp_path: Path) -> None:
    assert "more than 1000 patterns" in message_of(tmp_path, "flat/*\n" * 1001)


# -- what is said, and what is written ------------------------------------------------------------


def test_what_is_listed_twice_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "forget.txt"
    path.write_text("3\n5-7\n6\n7\n")
    assert forget_set(f"indices:{path}", dataset(), 0).words == "4 samples (2 listed twice)"
    path.write_text("flat/03.png\nflat/0[0-3].png\n3*\n".replace("3*\n", "train/flat/03.png\n"))
    found = forget_set(f"files:{path}", dataset(), 0)
    assert found.words == "4 samples (1 listed more than once)"
    assert forget_set("class:0:1", dataset(), 0).words == "1 sample"


def test_a_written_forget_set_is_read_by_index_and_by_name(tmp_path: Path) -> None:
    path = tmp_path / "forget.csv"
    path.write_text(index_table([3, 12], dataset()), encoding="utf-8")
    for kind in ("indices", "files"):
        assert forget_set(f"{kind}:{path}", dataset(), 0).indices == (3, 12)
    path.write_text(index_table([3, 12], dataset(["=1.png", *FILES[1:]])), encoding="utf-8")
    assert forget_set(f"files:{path}", dataset(), 0).indices == (3, 12)


def test_a_table_of_data_in_another_order_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "forget.csv"
    path.write_text(index_table([3, 12], dataset()), encoding="utf-8")
    other = dataset([*FILES[10:20], *FILES[:10], *FILES[20:]])
    with pytest.raises(SpecError, match=r"line 2: index 3 and 'train/flat/03.png', which is index"):
        forget_set(f"indices:{path}", other, 0)
    assert forget_set(f"files:{path}", other, 0).indices == (2, 13)


def test_the_same_samples_make_the_same_study(tmp_path: Path) -> None:
    path = tmp_path / "names.json"
    path.write_text(json.dumps(["flat/03.png", "tall/02.png"]))
    words = {"methods": ("ga",), "model": "mlp"}
    data = replace(dataset(), spec=replace(dataset().spec, fingerprint="f"))
    assert compose(data, forget=f"files:{path}", **words) == compose(data, forget=(3, 12), **words)
    spec = compose(data, forget=(3, 12), **words)
    assert forget_text(spec, data, [f"files:{path}"]) == ""  # files are not looked into


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        ("flat/03.png", (3,)), ("test/flat/03.png", (23,)), ("3, 5-6", (3, 5, 6)), ("27", (27,)),
        ("tall/02.png, flat/03.png", (12, 3)), ("tall/0[01].png", (10, 11)),
    ],
)  # fmt: skip
def test_going_to_samples_by_index_or_name(text: str, samples: tuple[int, ...]) -> None:
    assert parse_samples(text, dataset()) == samples


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("28", "indices are 0 to 27."), ("flat/77.png", "There is no sample named 'flat/77.png'."),
        ("03.png", "may be 'train/flat/03.png' or 'train/tall/03.png'. Give more of the path."),
        ("flat/03.png, x/y.png", "There is no sample named 'flat/03.png, x/y.png'."),
    ],
)  # fmt: skip
def test_going_to_what_is_not_there(text: str, sentence: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_samples(text, dataset())
    assert sentence in str(caught.value)


def test_every_name_is_found_again() -> None:
    for data in (dataset(), dataset(())):
        names = SampleNames(data)
        assert [names.one(data.name_of(index)) for index in range(28)] == list(range(28))
