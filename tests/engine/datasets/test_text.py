"""Messages with labels: how they are read and encoded, and the sentence each bad file gets."""

from __future__ import annotations

import gzip
import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import shared_data

from engine.datasets._encoders import WIDTH, MessageEncoder
from engine.datasets.base import Dataset, load
from engine.errors import EngineError
from engine.pipeline.bundled_data import dataset_of, record_of
from engine.spec import DataSpec

PRIZES = ("win a free prize now", "claim your free phone today", "urgent call to win cash")
PLAIN = ("see you at home tonight", "are you coming to lunch", "ok I will call you later")
LINES = [
    f"{label}\t{start}, number {i}"
    for i in range(10)
    for label, starts in (("ham", PLAIN), ("spam", PRIZES))
    for start in starts
]


def written(path: Path, *lines: str) -> Path:
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def opened(path: Path, columns: str = "", **fields: Any) -> Dataset:
    return load(DataSpec("text", str(path), columns=columns, **fields))


def test_a_file_of_label_tab_message_needs_no_header(tmp_path: Path) -> None:
    data = opened(written(tmp_path / "sms.tsv.gz", *LINES))
    assert data.classes == ("ham", "spam") and data.shape == (WIDTH,)
    assert len(data.train_y) == 48 and len(data.test_y) == 12 and len(data.texts) == 60
    for index in range(len(data)):
        label, message = LINES[int(data.name_of(index).split()[-1]) - 1].split("\t")
        assert data.texts[index] == message and data.classes[data.label_of(index)] == label


@pytest.mark.parametrize(
    ("name", "lines", "columns"),
    [
        ("a.csv", ["text,label", *[f'"{one[1]}",{one[0]}' for one in map(str.split, LINES)]], ""),
        ("a.tsv", ["label\tmessage", *LINES], ""),
        (
            "a.tsv",
            ["kind\tbody\tuser", *[f"{line}\tu1" for line in LINES]],
            "label=kind,group=user",
        ),
        ("a.tsv", ["x\ty", *LINES], "label=x,text=y"),
        ("a.jsonl", ['{"text": "a b", "label": 1}', '{"text": "c d", "label": 2}'] * 9, ""),
    ],
)
def test_columns_are_told_by_their_names_or_given(
    name: str, lines: list[str], columns: str, tmp_path: Path
) -> None:
    data = opened(written(tmp_path / name, *lines), columns)
    assert len(data.classes) == 2 and len(data) == len(lines) - (name != "a.jsonl")


def test_vectors_are_nonnegative_of_length_one_and_rare_words_weigh_more(tmp_path: Path) -> None:
    data = opened(written(tmp_path / "sms.tsv", *LINES))
    x = np.concatenate([data.train_x, data.test_x])
    assert x.dtype == np.float32 and x.min() == 0 and x.max() <= 1
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, rtol=1e-6)
    assert data.encode is not None
    number, phone = (int(data.encode([word]).argmax()) for word in ("number", "phone"))
    (row,) = data.encode(["number phone"])
    assert 0 < row[number] < row[phone]
    assert not data.encode([""]).any() and data.encode(["win"])[0, number] == 0


def test_test_messages_have_no_part_in_the_weights(tmp_path: Path) -> None:
    lines = [f"{line}\t{'test' if i % 5 == 0 else 'train'}" for i, line in enumerate(LINES)]
    other = [line.replace("\twin", "\twin win win win zebra") if "\ttest" in line else line
             for line in lines]  # fmt: skip
    one, two = (
        opened(written(tmp_path / f"{n}.tsv", "label\ttext\tsplit", *rows))
        for n, rows in enumerate((lines, other))
    )
    assert np.array_equal(one.train_x, two.train_x)
    assert not np.array_equal(one.test_x, two.test_x)


def test_all_features_share_one_deviation(tmp_path: Path) -> None:
    _, std = opened(written(tmp_path / "sms.tsv", *LINES)).statistics()
    assert len(set(std)) == 1 and 0 < std[0] < 0.1


def test_the_messages_belong_to_the_fingerprint(tmp_path: Path) -> None:
    prints = []
    for word in ("zebra", "Zebra"):  # which are encoded alike
        lines = [*LINES, f"ham\t{word}"]
        prints.append(opened(written(tmp_path / "a.tsv", *lines)))
    assert np.array_equal(prints[0].train_x, prints[1].train_x)
    assert prints[0].spec.fingerprint != prints[1].spec.fingerprint


def test_copies_and_empty_messages_are_counted(tmp_path: Path) -> None:
    lines = [*LINES, "ham\tsame words", "ham\tsame words", "spam\t\a", "spam\t"]
    notes = " ".join(opened(written(tmp_path / "a.tsv", *lines)).notes)
    assert "2 of 64 messages occur more than once" in notes and "2 messages have no text" in notes


def test_a_message_is_shown_on_one_line(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.csv", "label,text", *['a,"x\n  y\x1b[2J\u202ez 👩\u200d🔬"', "b,z"] * 3
    )
    assert "x y [2J z 👩\u200d🔬" in opened(path).texts


def test_messages_come_along_in_a_bundle_with_their_encoder(tmp_path: Path) -> None:
    data = opened(written(tmp_path / "sms.tsv", *LINES))
    again = dataset_of(record_of(data))
    assert again.texts == data.texts and again.spec.fingerprint == data.spec.fingerprint
    assert data.encode is not None and again.encode is not None
    assert np.array_equal(again.encode(["win a phone"]), data.encode(["win a phone"]))


@pytest.mark.parametrize(
    ("lines", "columns", "says"),
    [
        (["a,b,c", "1,2,3"], "", "no text column .* Its columns are 'a', 'b', 'c'. Name it: --col"),
        (["text,b,c", "1,2,3"], "", "no label column that can be told"),
        (["text,label", "a,x", "b,y,z"], "", "line 3 has 3 fields"),
        (["ham\thello", "spam\twin\tnow"], "", "line 2 has 3 fields, but there are 2 columns"),
        (["label,text", "x,", "x,", "y,", "y,"], "", "has no text"),
        (["label,text", "x,hello", ",word"], "", "line 3 has no label"),
    ],
)
def test_a_bad_file_gets_a_sentence(
    lines: list[str], columns: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match=says):
        opened(written(tmp_path / "bad.csv", *lines), columns)


def test_a_file_in_another_encoding_is_told_which(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes("ham\tschöne Grüße\nspam\tgroß\n".encode("latin-1"))
    with pytest.raises(EngineError, match=r"line 1\): it seems to be ISO-8859-1 \(Latin-1\)"):
        opened(tmp_path / "a.tsv")


class Model:
    """Stands for a sentence-transformers model: two numbers of each message, at length one."""

    def __init__(self, path: str, device: str, local_files_only: bool) -> None:
        assert device == "cpu" and local_files_only
        if not (Path(path) / "config.json").exists():
            raise OSError("no config.json")

    def encode(self, texts: list[str], **options: object) -> np.ndarray:
        assert options["normalize_embeddings"] and not options["show_progress_bar"]
        vectors = np.array([[len(text), -1 - text.count(" ")] for text in texts], np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_a_sentence_transformers_model_encodes_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = types.ModuleType("sentence_transformers")
    library.__spec__ = ModuleSpec("sentence_transformers", None)
    library.SentenceTransformer = Model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    path = written(tmp_path / "sms.tsv", *LINES)
    for folder, says in (("none", "is not a folder"), (".", "cannot be loaded as a sentence-tr")):
        with pytest.raises(EngineError, match=says):
            opened(path, encoder=str(tmp_path / folder))
    (tmp_path / "config.json").touch()
    data = opened(path, encoder=str(tmp_path))
    vectors = 2 * data.train_x - 1
    assert data.shape == (2,)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert vectors[:, 0].min() > 0 > vectors[:, 1].max()


def test_without_the_package_a_model_gets_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineError, match="the package sentence_transformers, which is not inst"):
        MessageEncoder(str(tmp_path), ())(["word"])


def test_sms_spam_is_read_whole() -> None:
    data = opened(shared_data("sms-spam.tsv.gz"))
    assert data.classes == ("ham", "spam") and len(data) == 5549
    assert "711 of 5,549 messages occur more than once" in " ".join(data.notes)
    assert data.texts[0].startswith(("Go", "Ok", "U", "Free")) and all(data.texts)
