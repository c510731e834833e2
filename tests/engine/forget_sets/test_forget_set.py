"""Forget sets: every form a person may write, and the sentence each bad one gets."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SpecError
from engine.forget_sets import index_files
from engine.forget_sets.forget_set import (
    check_forget,
    parse_forget,
    read_indices,
    unretained_classes,
)

CLASSES = ("ant", "bee", "cow")
LABELS = np.repeat([0, 1, 2], [40, 40, 20])


def parse(text: str, seed: int = 131) -> tuple[int, ...]:
    return parse_forget(text, LABELS, CLASSES, seed)


def message_of(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse(text)
    return str(caught.value)


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    return tmp_path / "forget.txt"


# -- forms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["class:1", "class:bee", " class:bee ", "class:1:100%"])
def test_a_whole_class(text: str) -> None:
    assert parse(text) == tuple(range(40, 80))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("class:2:0.5", 10), ("class:cow:50%", 10), ("class:cow:7", 7), ("class:cow:1", 1),
        ("class:cow:1.0", 20), ("class:cow:0.0001", 1),
    ],
)  # fmt: skip
def test_a_part_of_a_class(text: str, count: int) -> None:
    chosen = parse(text)
    assert len(chosen) == len(set(chosen)) == count
    assert set(chosen) <= set(range(80, 100))


@pytest.mark.parametrize(
    ("text", "count"), [("random:13", 13), ("random:10%", 10), ("random:0.25", 25)]
)
def test_random_samples(text: str, count: int) -> None:
    chosen = parse(text)
    assert len(set(chosen)) == count and list(chosen) == sorted(chosen)


@pytest.mark.parametrize("text", ["random:10", "class:0:0.5"])
def test_draws_follow_the_seed_alone(text: str) -> None:
    first = parse(text)
    np.random.seed(0)
    assert parse(text) == first
    assert parse(text, seed=42) != first


def test_a_class_name_may_hold_a_colon_or_be_a_number() -> None:
    assert parse_forget("class:a:b", LABELS, ("x", "a:b", "c"), 0) == tuple(range(40, 80))
    assert parse_forget("class:a:b:3", LABELS, ("x", "a:b", "c"), 0)[0] >= 40
    assert parse_forget("class:0", LABELS, ("2", "1", "0"), 0) == tuple(range(80, 100))


@pytest.mark.parametrize(
    "content",
    [
        "3\n1\n2\n",
        "1\n\n2\n  \n3",
        "# chosen by hand, twice\n1\n2\n3\n3\n",
        "index\n1\n2\n3\n",
        "label,Index\nant,1\nbee,2\ncow,3\n",
        "# exported\n\nindex,label\n1,ant\n2,bee\n3,cow\n",
        "\ufeffindex\r\n1\r\n2\r\n3\r\n",
        '"index","note"\n1,"a, b"\n2,""\n3,x\n',
    ],
)
def test_indices_from_a_file(listing: Path, content: str) -> None:
    listing.write_text(content, encoding="utf-8")
    assert parse(f"indices:{listing}") == (1, 2, 3)


def test_a_file_in_the_home_folder(listing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(listing.parent))
    monkeypatch.setenv("USERPROFILE", str(listing.parent))
    listing.write_text("5")
    assert parse("indices:~/forget.txt") == (5,)


@given(st.sets(st.integers(0, 99), min_size=1, max_size=59))
def test_clicked_indices_come_back_sorted_and_distinct(chosen: set[int]) -> None:
    twice = [*chosen, *chosen]
    assert check_forget(twice, LABELS) == tuple(sorted(chosen))


def test_class_unlearning_is_noticed() -> None:
    assert unretained_classes(parse("class:ant"), LABELS) == [0]
    assert unretained_classes(parse("class:ant:0.9"), LABELS) == []


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", "class", "class:", "random", "random:", "indices:", "clas:8", "Class:0", "8"]
)
def test_what_is_no_forget_set_is_told_the_forms(text: str) -> None:
    message = message_of(text)
    assert f"'{text}' is not a forget set. Write class:8, class:8:0.5" in message
    assert "random:10%, group:patient=17, group:patient:5, indices:FILE" in message
    assert "indices:3,17,40-52 or files:FILE" in message


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("class:bea", "There is no class 'bea'. Did you mean 'bee'? Known: 0, 1, 2, ant, bee, cow"),
        ("class:3", "There is no class '3'."),
        ("class:-1", "There is no class '-1'."),
        ("class:ant:x", "'class:ant:x': 'x' is neither a count nor a share (0.5, 50%)."),
        ("class:ant:x%", "'x%' is neither a count nor a share"),
        ("class:ant:", "'class:ant:': '' is neither a count nor a share"),
        ("class:ant:0.0", "a share must be above 0 and at most 1 (100 %)."),
        ("class:ant:-5", "a share must be above 0"),
        ("class:ant:1.5", "a share must be above 0"),
        ("class:ant:101%", "a share must be above 0"),
        ("class:ant:nan", "a share must be above 0"),
        ("class:ant:inf", "a share must be above 0"),
        ("class:ant:0", "requests 0 samples; choose 1 to 40."),
        ("class:ant:41", "requests 41 samples; choose 1 to 40."),
        ("random:101", "requests 101 samples; choose 1 to 100."),
        ("random:ten", "'ten' is neither a count nor a share"),
        ("random:100", "the entire training set, so the retain set S_r is empty"),
        ("random:100%", "the entire training set"),
    ],
)
def test_each_bad_form_gets_its_sentence(text: str, sentence: str) -> None:
    assert sentence in message_of(text)


def test_a_class_without_training_samples() -> None:
    labels = np.array([0, 0, 1, 1])
    for text in ("class:cow", "class:cow:0.5"):
        with pytest.raises(SpecError, match="class 'cow' has no training samples"):
            parse_forget(text, labels, CLASSES, 0)


@pytest.mark.parametrize(
    ("indices", "sentence"),
    [
        ([], "The forget set is empty: choose at least one training sample."),
        ([3, 100], "Index 100 is not in the training set, whose indices run from 0 to 99."),
        ([-1], "Index -1 is not in the training set"),
        (range(100), "the retain set S_r is empty. Forget fewer samples."),
        (range(80), "The retain set has only one class"),
    ],
)
def test_indices_that_cannot_be_forgotten(indices: list[int], sentence: str) -> None:
    with pytest.raises(SpecError) as caught:
        check_forget(indices, LABELS)
    assert sentence in str(caught.value)


def test_one_of_two_classes_cannot_be_forgotten_whole() -> None:
    with pytest.raises(SpecError, match="The retain set has only one class"):
        parse_forget("class:0", np.array([0, 0, 1, 1]), ("a", "b"), 0)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("1\ntwo\n", "line 2: 'two' is not an index (0, 1, 2, ...)."),
        ("1\n-2\n", "line 2: '-2' is not an index"),
        ("1\n2.5\n", "line 2: '2.5' is not an index"),
        ("# note\n\n1\nx\n", "line 4: 'x' is not an index"),
        ("9" * 16, "is not an index"),
        ("name,index\na,1\nb\n", "line 3: '' is not an index"),
        ("name,number\na,1\n", "has several columns but none named 'index'."),
        ("1" * 200_000, "line 1 is not a CSV row: field larger than field limit"),
        ("", "The forget set is empty"),
        ("# nothing\n", "The forget set is empty"),
        ("index\n", "The forget set is empty"),
        ("100\n", "Index 100 is not in the training set"),
    ],
)
def test_a_bad_file_of_indices(listing: Path, content: str, sentence: str) -> None:
    listing.write_text(content)
    assert sentence in message_of(f"indices:{listing}")


def test_a_missing_file_of_indices(listing: Path) -> None:
    assert f"Cannot read the index file {listing}: No such file" in message_of(f"indices:{listing}")


def test_a_folder_is_no_file_of_indices(tmp_path: Path) -> None:
    assert f"Cannot read the index file {tmp_path}:" in message_of(f"indices:{tmp_path}")


def test_an_image_is_no_file_of_indices(listing: Path) -> None:
    listing.write_bytes(b"\x89PNG\xff\xfe")
    assert f"{listing} is not a text file. Write one index per line" in message_of(
        f"indices:{listing}"
    )


def test_a_path_that_cannot_exist() -> None:
    assert "Cannot read the index file" in message_of("indices:a\0b")


def test_an_oversized_file_of_indices(listing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_files, "MAX_INDEX_FILE", 3)
    listing.write_text("1\n2\n")
    assert "exceeds the size limit of index" in message_of(f"indices:{listing}")


@given(st.text(max_size=40))
def test_any_text_is_a_forget_set_or_a_spec_error(text: str) -> None:
    with contextlib.suppress(SpecError):
        assert 0 < len(parse(text)) < len(LABELS)


@given(st.binary(max_size=200))
def test_any_file_is_a_list_or_a_spec_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(content)
    with contextlib.suppress(SpecError):
        assert all(index >= 0 for index in read_indices(path))
