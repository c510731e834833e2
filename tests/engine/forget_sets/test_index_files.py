"""Lists of samples as other programs write them: one meaning each, or a sentence."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SpecError
from engine.forget_sets import index_text
from engine.forget_sets.forget_set import parse_forget, read_indices
from engine.forget_sets.index_files import is_list
from engine.forget_sets.indices import parse_indices

LABELS = np.repeat([0, 1, 2], [40, 40, 20])
CLASSES = ("ant", "bee", "cow")
FIVE = (3, 17, 40, 41, 77)
MASK = np.isin(np.arange(100), FIVE)


def parse(path: Path) -> tuple[int, ...]:
    return parse_forget(f"indices:{path}", LABELS, CLASSES, 0)


def message_of(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        parse(path)
    return str(caught.value)


def archived(**arrays: np.ndarray) -> Callable[[Path], None]:
    return lambda path: np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


# -- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "3, 17, 40, 41, 77", "3 17 40 41 77", "3;17;40;41;77\n", "3\t17\t40\t41\t77\n",
        "3\n17\n40-41\n77", "3, 17, 40\u201341, 77", "3\n17\n40 - 41\n77", "3, 17,\n40, 41,\n77",
        "3\r17\r40\r41\r77\r", "3\r\n17\r\n40\r\n41\r\n77", "3,\n17,\n40,\n41,\n77,\n",
        "3.000e+00\n1.7e1\n40.0\n41.\n7.7e+01\n", '"3"\n"17"\n"40"\n"41"\n"77"',
        "[3, 17, 40, 41, 77]", "[ 3 17\n 40 41 77]", "(3, 17, 40, 41, 77)", "{3, 17, 40, 41, 77}",
        "array([3, 17, 40, 41, 77])", "forget_idx = [3, 17, 40, 41, 77]",
        "// by hand\n3 # first\n17\n# more\n40-41  // two\n77", "03\n017\n+40\n41\n77",
        "idx\n3\n17\n40\n41\n77", "Indices\n3\n17\n40\n41\n77",
        "id;label\n3;a\n17;b\n40;c\n41;d\n77;e",
        "label\tsample\na\t3\nb\t17\nc\t40\nd\t41\ne\t77", "sample_id\n3.0\n17.0\n40.0\n41.0\n77.0",
        "Unnamed: 0,label\n3,1\n17,0\n40,2\n41,2\n77,0", ",label\n3,1\n17,0\n40,2\n41,2\n77,0",
        ",index\n0,3\n1,17\n2,40\n3,41\n4,77", ",0\n0,3\n1,17\n2,40\n3,41\n4,77",
        "id,index\n9,3\n9,17\n9,40\n9,41\n9,77", "index label\n3 1\n17 1\n40 2\n41 1\n77 0",
        "\n".join(map(str, MASK)), "forget\n" + "\n".join(map(str, MASK)).lower(),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_five_indices_however_they_are_written(tmp_path: Path, content: str, encoding: str) -> None:
    path = tmp_path / "forget.txt"
    path.write_bytes(content.encode(encoding))
    assert parse(path) == FIVE


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("3\n12.5\n", "line 2: '12.5' is not an index"),
        ("3\n1.25e1\n", "line 2: '1.25e1' is not an index"),
        ("3\nnan\n", "line 2: 'nan' is not an index"),
        ("3\n-1.0e+00\n", "line 2: '-1.0e+00' is not an index"),
        ("3 -20\n", "line 1: '-20' is not an index"),
        ("3\n20-10\n", "line 2: '20-10' is not an index"),
        ("3\n20:30\n", "line 2: '20:30' is not an index"),
        ("0-999999999999", "'0-999999999999' is not an index"),
        ("0 1 2 ... 98 99", "line 1: '...' is not an index"),
        ("1_000", "'1_000' is not an index"),
        ("3,1\n17,0\n40,1\n", "has several columns but none named 'index'"),
        ("3 1\n17 0\n40 1\n", "has several columns but none named 'index'"),
        ("id,sample\n1,2\n3,4\n", "several index columns: 'id', 'sample'. Keep one"),
        ("\n".join(str(int(one)) for one in MASK), "100 numbers that are all 0 or 1. If it is a"),
        ("True\nFalse\n", "is a mask of 2 values, but there are 100 training samples."),
        ("\n".join(["False"] * 100), "The forget set is empty"),
        ("40-140", "Index 100 is not in the training set, whose indices run from 0 to 99."),
        ("train/cat/03.png", "lists names, but this dataset's sample names are unknown"),
    ],
)
def test_what_is_no_index_is_named_with_its_line(
    tmp_path: Path, content: str, sentence: str
) -> None:
    path = tmp_path / "forget.txt"
    path.write_text(content, encoding="utf-8")
    assert sentence in message_of(path)


@pytest.mark.parametrize(("head", "kind"), [(b"\x1f\x8b", "gzip"), (b"PAR1", "Parquet")])
def test_a_packed_file_is_named(tmp_path: Path, head: bytes, kind: str) -> None:
    (tmp_path / "forget.bin").write_bytes(head + b"\0" * 20)
    assert f"is a {kind} file. Save the indices as CSV" in message_of(tmp_path / "forget.bin")


def test_a_list_that_expands_too_far_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_text, "LONGEST", 50)
    (tmp_path / "forget.txt").write_text("0-30\n0-30\n")
    assert "lists more than 50 samples" in message_of(tmp_path / "forget.txt")


# -- arrays, JSON and tensors ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.npy", lambda path: np.save(path, np.array(FIVE))),
        ("u8.npy", lambda path: np.save(path, np.array(FIVE, np.uint8))),
        ("float.npy", lambda path: np.save(path, np.array(FIVE, np.float32))),
        ("column.npy", lambda path: np.save(path, np.array(FIVE)[:, None])),
        ("row.npy", lambda path: np.save(path, np.array(FIVE)[None])),
        ("big-endian.npy", lambda path: np.save(path, np.array(FIVE, ">i4"))),
        ("mask.npy", lambda path: np.save(path, MASK)),
        ("texts.npy", lambda path: np.save(path, np.array([*map(str, FIVE)]))),
        ("no-suffix", lambda path: path.write_bytes(npy(np.array(FIVE)))),
        ("one.npz", archived(arr_0=np.array(FIVE))),
        ("named.npz", archived(forget_idx=np.array(FIVE), retain_idx=np.arange(5))),
        ("mask.npz", archived(forget=MASK, x=np.zeros(3))),
        ("list.json", lambda path: path.write_text(json.dumps(FIVE))),
        ("floats.json", lambda path: path.write_text("[3.0, 17, 4e1, 41, 77]")),
        ("texts.json", lambda path: path.write_text('["3", "17", "40-41", "77"]')),
        ("dict.json", lambda path: path.write_text(json.dumps({"forget": FIVE, "retain": [1]}))),
        ("only.json", lambda path: path.write_text(json.dumps({"seed": 1, "which": FIVE}))),
        ("deep.json", lambda path: path.write_text(json.dumps({"a": {"indices": FIVE}, "b": [1]}))),
        ("inner.json", lambda path: path.write_text(
            json.dumps({"forget": {"indices": FIVE}, "retain": {"indices": [1, 2]}}))),
        ("pairs.json", lambda path: path.write_text(json.dumps([[one] for one in FIVE]))),
        ("rows.json", lambda path: path.write_text(
            json.dumps([{"index": one, "label": 1} for one in FIVE]))),
        ("mask.json", lambda path: path.write_text(json.dumps(MASK.tolist()))),
        ("list.txt", lambda path: path.write_bytes(json.dumps(FIVE).encode("utf-16"))),
        ("a.pt", lambda path: torch.save(torch.tensor(FIVE), path)),
        ("a.pth", lambda path: torch.save(torch.tensor(FIVE, dtype=torch.int16)[:, None], path)),
        ("old.pt", lambda path: torch.save(
            torch.tensor(FIVE), path, _use_new_zipfile_serialization=False)),
        ("list.pt", lambda path: torch.save(list(FIVE), path)),
        ("tensors.pt", lambda path: torch.save([torch.tensor(one) for one in FIVE], path)),
        ("mask.pt", lambda path: torch.save(torch.from_numpy(MASK), path)),
        ("dict.pt", lambda path: torch.save(
            {"forget": torch.tensor(FIVE), "retain": torch.arange(9), "seed": 1}, path)),
        ("floats.pt", lambda path: torch.save(torch.tensor(FIVE, dtype=torch.bfloat16), path)),
    ],
)  # fmt: skip
def test_five_indices_from_other_programs(
    tmp_path: Path, name: str, write: Callable[[Path], object]
) -> None:
    write(tmp_path / name)
    assert parse(tmp_path / name) == FIVE
    if "mask" not in name:
        assert read_indices(tmp_path / name) == list(FIVE)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def bomb(path: Path) -> None:
    """An archive of some kB whose array would fill 100 MB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("forget.npy", npy(np.zeros(100_000_000, np.uint8)))


@pytest.mark.parametrize(
    ("name", "write", "sentence"),
    [
        ("a.npy", lambda path: np.save(path, np.array([3, 12.5])), "item 2: '12.5' is not"),
        ("b.npy", lambda path: np.save(path, np.array([3, -1])), "item 2: '-1' is not an index"),
        ("c.npy", lambda path: np.save(path, np.array([np.nan])), "item 1: 'nan' is not an index"),
        ("d.npy", lambda path: np.save(path, np.zeros((4, 2))), "has shape 4x2. Save one"),
        ("e.npy", lambda path: np.save(path, MASK[:60]), "a mask of 60 values, but there are 100"),
        ("f.npy", lambda path: np.save(path, MASK.astype(int)), "numbers that are all 0 or 1"),
        ("g.npy", lambda path: np.save(path, np.array([3, "a"], object)), "Python objects"),
        ("h.npy", lambda path: path.write_bytes(npy(np.arange(9))[:-8]), "is truncated"),
        ("i.npy", lambda path: path.write_bytes(b"\x93NUMPY\x01"), "is a damaged NumPy file"),
        ("j.npy", lambda path: path.write_bytes(
            npy(np.arange(9)).replace(b"(9,)", b"(9,9999999999,)"[:4])), "is a damaged NumPy file"),
        ("k.npy", lambda path: np.save(path, np.array([3j])), "contains complex128, not int"),
        ("l.npy", lambda path: np.save(path, np.empty(0)), "The forget set is empty"),
        ("a.npz", archived(a=np.arange(3), b=np.arange(3)), "contains 2 lists: 'a', 'b'. Keep one"),
        ("b.npz", bomb, "exceeds the size limit of index"),
        ("c.npz", lambda path: path.write_bytes(b"PK\x03\x04 no archive"), "is a damaged ZIP"),
        ("d.xlsx", lambda path: zipfile.ZipFile(path, "w").writestr("a", "b"), "without arrays"),
        ("a.json", lambda path: path.write_text("[1,\n2,\n"), "line 3 is not valid JSON"),
        ("b.json", lambda path: path.write_text("[1, 2.5]"), "item 2: 2.5 is not an index"),
        ("c.json", lambda path: path.write_text("[1, null]"), "item 2: null is not an index"),
        ("d.json", lambda path: path.write_text("[1, NaN]"), "item 2: NaN is not an index"),
        ("e.json", lambda path: path.write_text("[1, true]"), "item 2: true is not an index"),
        ("f.json", lambda path: path.write_text('{"a": 1}'), "contains no list of samples"),
        ("g.json", lambda path: path.write_text('{"a": [1], "b": [2]}'), "2 lists: 'a', 'b'"),
        ("h.json", lambda path: path.write_text("[" * 100_000), "cannot be a list"),
        ("i.json", lambda path: path.write_text(f"[{'9' * 9999}]"), "cannot be a list"),
        ("a.pt", lambda path: torch.save(torch.nn.Linear(3, 2).state_dict(), path), "'weight'"),
        ("b.pt", lambda path: torch.save(np.arange(3), path), "contains more than tensors"),
        ("c.pt", lambda path: torch.save(torch.zeros(1).expand(2**40), path), "it is not loaded"),
        ("d.pkl", lambda path: path.write_bytes(b"\x80\x04cos\nsystem\n."), "so it is not loaded"),
    ],
)  # fmt: skip
def test_what_is_no_list_gets_a_sentence(
    tmp_path: Path, name: str, write: Callable[[Path], object], sentence: str
) -> None:
    write(tmp_path / name)
    assert sentence in message_of(tmp_path / name)


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\x93NUMPY\x01\x00\x20\x00", b"PK\x03\x04", b"["]),
)
def test_any_bytes_are_a_list_or_a_spec_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.bin"
    path.write_bytes(head + content)
    with contextlib.suppress(SpecError):
        assert all(index >= 0 for index in read_indices(path))


@pytest.mark.parametrize("text", ["3,17,40-41,77", "3, 17 40\u201341;77", "3.0 17 40-41 7.7e1"])
def test_what_may_be_typed_in_the_window_may_stand_for_a_file(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_indices(text, 100) == FIVE
    assert parse_forget(f"indices:{text}", LABELS, CLASSES, 0) == FIVE
    (tmp_path / "3").write_text("5")
    assert parse_forget("indices:3", LABELS, CLASSES, 0) == (5,)


@pytest.mark.parametrize(
    ("name", "write", "listed"),
    [
        ("a.json", lambda path: path.write_text("[3]"), True),
        ("b.json", lambda path: path.write_text('{"forget": [3]}'), True),
        ("c.json", lambda path: path.write_text('{"format": "x", "forget": [3]}'), False),
        ("d.json", lambda path: path.write_text("{"), False),
        ("e.json", lambda path: path.write_text("5"), False),
        ("a.pt", lambda path: torch.save(torch.tensor(FIVE), path), True),
        ("b.pt", lambda path: torch.save(torch.nn.Linear(3, 2).state_dict(), path), False),
        ("c.pt", lambda path: torch.save(
            torch.tensor(FIVE), path, _use_new_zipfile_serialization=False), True),
        ("d.pt", lambda path: path.write_text("no archive"), False),
    ],
)  # fmt: skip
def test_lists_are_told_from_sessions_and_weights(
    tmp_path: Path, name: str, write: Callable[[Path], object], listed: bool
) -> None:
    write(tmp_path / name)
    assert is_list(tmp_path / name) is listed
