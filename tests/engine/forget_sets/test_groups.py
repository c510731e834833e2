"""Forget sets by group: of tables, of messages, and of images beside a table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.__main__ import main
from engine.datasets.base import Dataset, load
from engine.errors import EngineError, SpecError
from engine.forget_sets.forget_set import forget_set, parse_forget
from engine.spec import DataSpec


def table(path: Path) -> Path:
    """60 rows of 15 patients in three wards, four rows each, of two classes."""
    rows = [f"{i},{i % 7},p{i // 4},{'abc'[i // 20]},{'yes' if i % 2 else 'no'}" for i in range(60)]
    path.write_text("\n".join(["a,b,patient,ward,label", *rows]))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    spec = DataSpec("tabular", str(table(tmp_path / "t.csv")), columns="group=patient,group=ward")
    return load(spec)


def test_all_training_samples_of_a_group_are_forgotten(data: Dataset) -> None:
    chosen = forget_set("group:patient=p3", data, 1)
    expected = [i for i in range(len(data.train_y)) if data.groups["patient"][i] == "p3"]
    assert list(chosen.indices) == expected and 1 <= len(expected) <= 4
    assert chosen.beside == data.groups["patient"].count("p3") - len(expected)
    whole = forget_set("group:ward=b", data, 1)
    assert {data.groups["ward"][i] for i in whole.indices} == {"b"}
    assert f"({whole.beside} more of the same group were never learned)" in whole.words


def test_groups_are_drawn_by_the_seed(data: Dataset) -> None:
    for text, count in (("group:patient:3", 3), ("group:patient:20%", 3), ("group:ward:1", 1)):
        column = text.split(":")[1]
        one = forget_set(text, data, 7)
        names = {data.groups[column][i] for i in one.indices}
        assert len(names) == count and one == forget_set(text, data, 7)
        others = set(range(len(data.train_y))) - set(one.indices)
        assert not names & {data.groups[column][i] for i in others}
    draws = {forget_set("group:patient:3", data, seed).indices for seed in range(5)}
    assert len(draws) > 1


def test_samples_held_out_are_not_among_them(tmp_path: Path) -> None:
    spec = DataSpec("tabular", str(table(tmp_path / "t.csv")), columns="group=ward", validation=0.3)
    data = load(spec)
    chosen = forget_set("group:ward=a", data, 1)
    assert not set(chosen.indices) & set(data.validation.tolist())
    assert len(chosen.indices) + chosen.beside == 20


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("group:patient=p33", "No training sample has 'p33' in 'patient'. Did you mean 'p3'"),
        (
            "group:patient=",
            "No training sample has '' in 'patient'. It has 15 values there: 'p0', ",
        ),
        ("group:patients=p3", "There is no group 'patients'. Did you mean 'patient'"),
        ("group:patient:16", "requests 16 groups; choose 1 to 15"),
        ("group:patient:few", "'few' is neither a count nor a share"),
        ("group:patient", "is not a forget set. Write .*group:patient=17"),
        ("group:ward:3", "the entire training set"),
    ],
)
def test_bad_words_get_a_sentence(text: str, says: str, data: Dataset) -> None:
    with pytest.raises(SpecError, match=says):
        forget_set(text, data, 1)


def test_without_groups_the_column_is_asked_for() -> None:
    with pytest.raises(SpecError, match=r"read without groups.*--columns group=patient"):
        forget_set("group:patient=17", load(DataSpec("iris")), 1)
    with pytest.raises(SpecError, match="read without groups"):
        parse_forget("group:patient=17", np.arange(4) % 2, ("a", "b"), 1)
    with pytest.raises(SpecError, match="Dataset 'iris' has no columns"):
        load(DataSpec("iris", columns="group=patient"))


def test_messages_have_groups_too(tmp_path: Path) -> None:
    lines = [f"{'spam' if i % 2 else 'ham'}\thello number {i}\tuser{i % 5}" for i in range(50)]
    (tmp_path / "m.tsv").write_text("\n".join(["label\ttext\tuser", *lines]))
    data = load(DataSpec("text", str(tmp_path / "m.tsv"), columns="group=user"))
    for index in forget_set("group:user=user2", data, 1).indices:
        assert int(data.texts[index].split()[-1]) % 5 == 2


# -- images beside a table ------------------------------------------------------------------------


def images(root: Path, listed: str = "{path}") -> Path:
    """12 images of two classes, of which a table names 11, each of one of three users."""
    rows = ["file,user"]
    for number in range(12):
        kind = ("cat", "dog")[number % 2]
        path = root / "train" / kind / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 20 * number).save(path)
        name = listed.format(path=path.relative_to(root).as_posix(), name=path.name)
        rows += [f"{name},u{number % 3}"] * (number != 11)
    (root / "users.csv").write_text("\n".join(rows))
    return root


@pytest.mark.parametrize("listed", ["{path}", "{name}"])
def test_a_table_in_the_folder_names_the_groups_of_images(listed: str, tmp_path: Path) -> None:
    data = load(DataSpec("folder", str(images(tmp_path, listed)), columns="group=user"))
    for index, file in enumerate(data.files):
        number = int(Path(file).stem)
        assert data.groups["user"][index] == ("" if number == 11 else f"u{number % 3}")
    assert "1 of 12 images are not listed in users.csv" in " ".join(data.notes)
    chosen = forget_set("group:user=u1", data, 1).indices
    assert {int(Path(data.files[i]).stem) % 3 for i in chosen} == {1}
    names = {data.groups["user"][i] for i in forget_set("group:user:2", data, 1).indices}
    assert len(names) == 2 and "" not in names


def test_a_name_that_several_images_share_needs_its_folder(tmp_path: Path) -> None:
    root = images(tmp_path)
    (root / "train" / "dog" / "00.png").write_bytes(
        (root / "train" / "dog" / "01.png").read_bytes()
    )
    (root / "users.csv").write_text("file,user\n00.png,u1\ncat/02.png,u2\n")
    data = load(DataSpec("folder", str(root), columns="group=user"))
    assert sorted(data.groups["user"])[-1] == "u2" and "u1" not in data.groups["user"]


@pytest.mark.parametrize(
    ("table", "columns", "says"),
    [
        (None, "group=user", "holds no table, but groups of images need exactly one"),
        ("file,user\n00.png,u1\n", "group=users", "no column 'users'. Did you mean 'user'"),
        ("x,user\n00.png,u1\n", "group=user", "has no column of image files. Name one 'file'"),
        ("file,user\nzebra.png,u1\n", "group=user", "names none of the images. Names look like"),
        ("file,user\n00.png,u1\n", "label=user", "are the names of its folders"),
    ],
)
def test_a_table_beside_images_that_does_not_fit_gets_a_sentence(
    table: str | None, columns: str, says: str, tmp_path: Path
) -> None:
    root = images(tmp_path)
    (root / "users.csv").unlink()
    if table is not None:
        (root / "users.csv").write_text(table)
    with pytest.raises(EngineError, match=says):
        load(DataSpec("folder", str(root), columns=columns))


def test_two_tables_are_one_too_many_and_none_is_read_unasked(tmp_path: Path) -> None:
    root = images(tmp_path)
    (root / "more.csv").write_text("nonsense")
    assert not load(DataSpec("folder", str(root))).groups
    with pytest.raises(EngineError, match=r"holds 2 tables \(more.csv, users.csv\)"):
        load(DataSpec("folder", str(root), columns="group=user"))


def test_the_command_line_forgets_a_group(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, out = table(tmp_path / "t.csv"), tmp_path / "out.json"
    words = ["run", "--dataset", "tabular", "--root", str(path), "--columns", "group=patient"]
    words += ["--forget", "group:patient=p3", "--methods", "gd", "--draws", "10", "--set"]
    words += ["train.epochs=2", "--store", str(tmp_path / "store"), "--json", str(out)]
    assert main(words) == 0
    data = load(DataSpec("tabular", str(path), columns="group=patient"))
    chosen = list(forget_set("group:patient=p3", data, 131).indices)
    assert json.loads(out.read_text())["spec"]["forget"] == chosen
    assert f"forget set: {len(chosen)} sample" in capfd.readouterr().err
    words[words.index("group:patient=p3")] = "group:patient=p99"
    assert main(words) == 2
    assert "No training sample has 'p99' in 'patient'" in capfd.readouterr().err
