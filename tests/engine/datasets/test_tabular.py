"""Tables with a label column: what is read, and the sentence each bad file gets."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.__main__ import main
from engine.datasets._tables import read_table
from engine.datasets.base import Dataset, load
from engine.errors import DataError, EngineError, SpecError
from engine.pipeline.bundled_data import dataset_of, record_of
from engine.spec import DataSpec

HEADER = "age,weight,color,patient,diagnosis"
COLORS, STATES = ("red", "blue", "green"), ("well", "sick")
ROWS = [f"{20 + i},{i % 7}.5,{COLORS[i % 3]},p{i // 2},{STATES[i % 2]}" for i in range(30)]


def written(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    content = ("\n".join(lines) + "\n").encode(encoding)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def opened(path: Path, columns: str = "label=diagnosis,group=patient", **fields: Any) -> Dataset:
    return load(DataSpec("tabular", str(path), columns=columns, **fields))


def test_numbers_are_scaled_by_the_training_range(tmp_path: Path) -> None:
    data = opened(written(tmp_path / "a.csv", HEADER, *ROWS))
    assert data.classes == ("sick", "well") and data.label == "a.csv"
    assert data.features == ("age", "weight", "color=blue", "color=green", "color=red")
    assert len(data.train_y) == 24 and len(data.test_y) == 6
    assert data.train_x.min(0).tolist() == [0] * 5 and data.train_x.max(0).tolist() == [1] * 5
    lines = [int(data.name_of(i).split()[-1]) for i in range(len(data))]
    ages = np.array([20 + line - 2 for line in lines])
    low, high = ages[:24].min(), ages[:24].max()
    expected = np.clip((ages - low) / (high - low), 0, 1)
    np.testing.assert_allclose([data.raw(i)[0] for i in range(30)], expected, rtol=1e-6)


def test_a_category_is_one_of_several_features(tmp_path: Path) -> None:
    data = opened(written(tmp_path / "a.csv", HEADER, *ROWS))
    for index in range(len(data)):
        line = int(data.name_of(index).split()[-1])
        color = ROWS[line - 2].split(",")[2]
        marked = [name for name, value in zip(data.features, data.raw(index), strict=True)
                  if name.startswith("color=") and value]  # fmt: skip
        assert marked == [f"color={color}"]


def test_missing_values_are_said_and_filled_in(tmp_path: Path) -> None:
    rows = [*ROWS, "NA,1.5,red,p16,well", "30,?,,p16,sick", ",nan,blue,p17,well"]
    parts = ["train"] * 20 + ["test"] * 10 + ["train"] * 3
    lines = [f"{row},{part}" for row, part in zip(rows, parts, strict=True)]
    data = opened(written(tmp_path / "a.csv", f"{HEADER},split", *lines))
    (note,) = [one for one in data.notes if one.startswith("Missing")]
    assert "2 in 'age', 2 in 'weight', 1 in 'color'" in note and "median" in note
    ages = np.array([*range(20, 40), 30])
    scaled = (np.median(ages) - ages.min()) / (ages.max() - ages.min())
    assert data.train_x[20, 0] == pytest.approx(scaled)
    assert data.train_x[21, 2:].tolist() == [0, 0, 0]
    assert np.isfinite(data.train_x).all()


def test_test_values_outside_the_training_range_are_clipped_and_counted(tmp_path: Path) -> None:
    lines = [f"{row},{'test' if i > 25 else 'train'}" for i, row in enumerate(ROWS)]
    lines.append("99,1.5,violet,p20,well,test")
    data = opened(written(tmp_path / "a.csv", f"{HEADER},split", *lines))
    assert "5 values of test samples lie outside" in " ".join(data.notes)
    assert "1 values of test samples are categories unseen" in " ".join(data.notes)
    assert data.test_x[-1, 0] == 1 and data.test_x[-1, 2:].tolist() == [0, 0, 0]


def test_a_split_column_decides_who_is_tested_and_held_out(tmp_path: Path) -> None:
    parts = ["train"] * 20 + ["Validation"] * 4 + ["TEST"] * 6
    lines = [f"{row},{part}" for row, part in zip(ROWS, parts, strict=True)]
    path = written(tmp_path / "a.csv", HEADER + ",part", *lines)
    data = opened(path, "label=diagnosis,group=patient,split=part")
    assert len(data.train_y) == 24 and data.validation.tolist() == [20, 21, 22, 23]
    assert data.name_of(23) == "a.csv train 25" and data.name_of(24) == "a.csv test 26"
    assert "4 rows marked for validation are held out" in data.notes[0]
    with pytest.raises(SpecError, match=r"validation part of its own \(4 samples\)"):
        opened(path, "label=diagnosis,group=patient,split=part", validation=0.1)


def test_a_column_named_split_is_a_feature_where_it_holds_no_parts(tmp_path: Path) -> None:
    lines = [f"{row},{i}" for i, row in enumerate(ROWS)]
    data = opened(written(tmp_path / "a.csv", f"{HEADER},split", *lines))
    assert "split" in data.features


def test_the_split_is_drawn_with_the_seed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", HEADER, *ROWS)
    prints = [opened(path, seed=seed).spec.fingerprint for seed in (1, 1, 2)]
    assert prints[0] == prints[1] != prints[2]
    assert len(opened(path, test_share=0.4).test_y) == 12


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv", "a.txt", "a.jsonl.gz"])
def test_every_form_of_file_holds_the_same(name: str, tmp_path: Path) -> None:
    fingerprint = opened(written(tmp_path / "plain.csv", HEADER, *ROWS)).spec.fingerprint
    lines = [HEADER, *ROWS]
    if "json" in name:
        lines = [json.dumps(dict(zip(HEADER.split(","), row.split(","), strict=True)))
                 for row in ROWS]  # fmt: skip
    separator = {"tsv": "\t", "txt": ";"}.get(name.split(".")[1], ",")
    lines = lines if "json" in name else [line.replace(",", separator) for line in lines]
    assert opened(written(tmp_path / name, *lines)).spec.fingerprint == fingerprint


def test_json_has_numbers_nulls_and_booleans(tmp_path: Path) -> None:
    rows = [{"a": i, "b": i % 2 == 0, "label": i % 3} for i in range(12)] + [
        {"a": None, "b": None, "label": 1}
    ]
    data = load(DataSpec("tabular", str(written(tmp_path / "a.json", *map(json.dumps, rows)))))
    assert data.features == ("a", "b=false", "b=true") and data.classes == ("0", "1", "2")


def test_quoted_fields_may_hold_separators_and_line_breaks(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "a,label", '"x, y\nz",1', "", '"say ""hi""",2')
    table = read_table(path)
    assert table.rows == (("x, y\nz", "1"), ('say "hi"', "2")) and table.lines == (2, 5)


def test_a_bom_and_windows_line_ends_are_no_matter(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfa,label\r\n1,x\r\n2,y\r\n")
    assert read_table(tmp_path / "a.csv").columns == ("a", "label")


def test_groups_are_no_features_and_come_along_in_a_bundle(tmp_path: Path) -> None:
    data = opened(written(tmp_path / "a.csv", HEADER, *ROWS))
    for index in range(len(data)):
        line = int(data.name_of(index).split()[-1])
        assert data.groups["patient"][index] == f"p{(line - 2) // 2}"
    again = dataset_of(record_of(data))
    assert again.groups == data.groups and again.spec.fingerprint == data.spec.fingerprint


@pytest.mark.parametrize("columns", ["", "group=patient"])
def test_a_label_is_told_by_its_name(columns: str, tmp_path: Path) -> None:
    assert opened(written(tmp_path / "a.csv", HEADER, *ROWS), columns).classes == ("sick", "well")


WIDE = [f"{row},note {i}" for i, row in enumerate(ROWS * 9)]
BAD: list[tuple[list[str], str, str]] = [
    ([HEADER, *ROWS], "label=diagnose",
     "no column 'diagnose'. Did you mean 'diagnosis'. Its columns are 'age', 'weight', 'color'"),
    ([HEADER.replace("diagnosis", "z"), *ROWS], "",
     "no label column .* Its columns are 'age', .*'z'. Name it: --columns label=NAME"),
    ([HEADER, *ROWS[:4], "1,2,3"], "", "line 6 has 3 fields, but there are 5 columns"),
    ([HEADER, *ROWS, "1,2,3,4,5,6"], "", "line 32 has 6 fields"),
    ([HEADER, *ROWS, "1,2,red,p1,"], "", "line 32 has no label in 'diagnosis'"),
    ([HEADER, *ROWS, '1,2,"red,p1'], "", "line 32 cannot be read as a row"),
    ([HEADER], "", "has a header, but no rows"),
    ([], "", "is empty"),
    (["a,a,label", "1,2,3"], "", "two columns named 'a'"),
    (["label", *["x"] * 5, *["y"] * 5], "", "has no column with features"),
    (["a,label", "1,x", "2,y", "3,z"], "", "one row of each class"),
    (["a,label", *[f"1,{i}" for i in range(300)]], "", "300 different values; at most 200 classes"),
    ([HEADER + ",note", *WIDE], "label=diagnosis,group=patient",
     "'note' of .* has .* different texts; at most 200 .*--columns group=note"),
    ([HEADER + ",part", *[f"{row},half" for row in ROWS]], "split=part", "'half' in 'part' is no"),
    ([HEADER + ",part", *[f"{row},test" for row in ROWS]], "split=part", "rows of train and of"),
    ([HEADER, *ROWS], "diagnosis", "does not name columns. Write label=diagnosis,group=patient"),
    ([HEADER, *ROWS], "labels=diagnosis", "no role of a column 'labels'. Did you mean 'label'"),
    ([HEADER, *ROWS], "label=age,label=color", "names two columns as label"),
    (['{"a": 1, "label": 2}', '{"a": 1}'], "", "line 2 lacks 'label'. All records need the same"),
    (['{"a": 1, "label": 2}', '{"a": 1, "label": 2, "b": 1}'], "", "line 2 has fields that the"),
    (['{"a": 1, "label": 2}', "nonsense"], "", "line 2 is not valid JSON"),
    (['{"a": [1, 2], "label": 2}'], "", "line 1: 'a' is neither text nor number"),
    (['{"a": 1, "label": 2}', "[1]"], "", "line 2 is not a JSON object"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "columns", "says"), BAD)
def test_a_bad_table_gets_a_sentence(
    lines: list[str], columns: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(EngineError, match=says):
        opened(path, columns)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("größe,label\n".encode("latin-1"), r"not UTF-8 \(line 1\).*ISO-8859-1 .*iconv -f ISO"),
        ("a,label\n5 €,x\n".encode("cp1252"), r"not UTF-8 \(line 2\): it seems to be WINDOWS-1252"),
        ("größe,label\n".encode("utf-16"), "it seems to be UTF-16"),
        ("a,label\n".encode("utf-16-le"), "has null characters: it seems to be UTF-16"),
        ("größe,label\n".encode("utf-32"), "it seems to be UTF-32"),
        ("名前,label\n田中さんです,x\n".encode("shift_jis"), "it seems to be SHIFT-JIS"),
        ("名字,label\n这是一个中文句子,x\n".encode("gb18030"), "it seems to be GB18030"),
        (b"PK\x03\x04rest", "an Excel workbook"),
        (b"PAR1rest", "a Parquet file"),
        (bytes(range(256)), "not UTF-8"),
        (b"\x1f\x8bdamaged", "gzipped but damaged"),
    ],
)
def test_a_file_that_is_no_utf_8_is_told_what_it_seems_to_be(
    content: bytes, says: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(DataError, match=says):
        opened(tmp_path / "bad.csv")


def test_a_packed_file_may_not_unpack_to_more_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.datasets._tables.LARGEST", 1 << 10)
    path = written(tmp_path / "bomb.csv.gz", "a" * 5000)
    with pytest.raises(DataError, match="unpacks to more than"):
        opened(path)


def test_the_command_line_takes_the_columns_and_gives_them_back(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, out = written(tmp_path / "a.csv", HEADER, *ROWS), tmp_path / "out.json"
    store = ["--store", str(tmp_path / "store")]
    words = ["run", "--dataset", "tabular", "--root", str(path), "--columns"]
    words += ["label=diagnosis,group=patient", "--test-share", "0.3", "--set", "train.epochs=2"]
    words += ["--forget", "random:2", "--methods", "gd", "--draws", "10"]
    assert main([*words, *store, "--json", str(out)]) == 0
    data = json.loads(out.read_text())["spec"]["data"]
    assert data["columns"] == "label=diagnosis,group=patient" and data["test_share"] == 0.3
    words[words.index("label=diagnosis,group=patient")] = "label=diagnose"
    assert main([*words, *store]) == 2
    assert "Its columns are 'age', 'weight'" in capfd.readouterr().err


def test_breast_cancer_is_built_in() -> None:
    data = load(DataSpec("breast-cancer"))
    assert data.classes == ("malignant", "benign") and len(data.features) == 30
    assert len(data.train_y) == 456 and len(data.test_y) == 113 and not data.notes
    assert data.train_x.min() == 0 and data.train_x.max() == 1 and data.shape == (30,)
    assert data.spec.fingerprint == load(DataSpec("breast-cancer", seed=5)).spec.fingerprint
