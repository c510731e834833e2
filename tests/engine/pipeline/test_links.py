"""Links in image folders: those that lead out of them are read only if a person says so."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.__main__ import main
from engine.datasets import base as datasets
from engine.datasets.base import Dataset
from engine.errors import DataError, LinkError, SpecError, StoreError
from engine.pipeline import bundle
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import FOLLOW, REFUSE, DataSpec, key, restored, to_plain
from engine.storage import hdf5
from engine.storage.store import Store
from engine.study import compose
from engine.study.command_line import command_line
from explorer import __main__ as window
from explorer.state import session as sessions
from explorer.state.study_form import StudyForm

pytestmark = pytest.mark.skipif(not hasattr(os, "symlink"), reason="this system has no links")
CLASSES = ("ant", "bee")


def picture(path: Path, level: int) -> Path:
    """A plain gray image file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), level).save(path)
    return path


def filled(root: Path, level: int = 20) -> Path:
    """A folder of train/ and test/ with two classes of three images."""
    for part in ("train", "test"):
        for number, name in enumerate(CLASSES):
            for one in range(3):
                picture(root / part / name / f"{one}.png", level + 40 * number + one)
    return root


def load(root: Path, links: str = REFUSE, name: str = "folder") -> Dataset:
    """The folder as a dataset."""
    return datasets.load(DataSpec(name, str(root), links=links), Reporter())


# -- what leads out ---------------------------------------------------------------------------


def file_out(root: Path, away: Path) -> Path:
    """One image is a link."""
    link = root / "train" / "ant" / "3.png"
    link.symlink_to(picture(away / "secret.png", 255))
    return link


def relative_out(root: Path, away: Path) -> Path:
    """One image is a link by a relative path."""
    picture(away / "secret.png", 255)
    link = root / "test" / "bee" / "3.png"
    link.symlink_to(os.path.relpath(away / "secret.png", link.parent))
    return link


def chain_out(root: Path, away: Path) -> Path:
    """A link to a link in the folder, which leads out of it."""
    inner = root / "inner"
    inner.symlink_to(picture(away / "secret.png", 255))
    link = root / "train" / "ant" / "3.png"
    link.symlink_to(inner)
    return link


def class_out(root: Path, away: Path) -> Path:
    """A class is a link."""
    picture(away / "photos" / "0.png", 255)
    link = root / "train" / "wasp"
    link.symlink_to(away / "photos", target_is_directory=True)
    return link


def test_class_out(root: Path, away: Path) -> Path:
    """A class of the test part is a link."""
    (away / "photos").mkdir(parents=True)
    (root / "test" / "bee").rename(away / "photos" / "bee")
    link = root / "test" / "bee"
    link.symlink_to(away / "photos" / "bee", target_is_directory=True)
    return link


test_class_out.__test__ = False  # type: ignore[attr-defined]


def part_out(root: Path, away: Path) -> Path:
    """The training part is a link."""
    away.mkdir()
    (root / "train").rename(away / "train")
    link = root / "train"
    link.symlink_to(away / "train", target_is_directory=True)
    return link


def held_out(root: Path, away: Path) -> Path:
    """The test part is a link."""
    away.mkdir()
    (root / "test").rename(away / "val")
    link = root / "val"
    link.symlink_to(away / "val", target_is_directory=True)
    return link


def whole_disk(root: Path, away: Path) -> Path:
    """A class is a link to everything there is."""
    link = root / "train" / "all"
    link.symlink_to("/", target_is_directory=True)
    return link


def words_out(root: Path, away: Path) -> Path:
    """The text file that names classes is a link."""
    away.mkdir()
    (away / "passwords").write_text("ant\tsecret\n", encoding="utf-8")
    (root / "wnids.txt").write_text("ant\nbee\n", encoding="utf-8")
    link = root / "words.txt"
    link.symlink_to(away / "passwords")
    return link


def nowhere(root: Path, away: Path) -> Path:
    """A link to what is not there."""
    link = root / "train" / "bee" / "9.png"
    link.symlink_to(away / "gone.png")
    return link


def sibling(root: Path, away: Path) -> Path:
    """A link into a folder whose name begins like the data's."""
    link = root / "train" / "ant" / "3.png"
    link.symlink_to(picture(root.with_name(f"{root.name}2") / "secret.png", 255))
    return link


LEADING = (
    file_out, relative_out, chain_out, class_out, test_class_out, part_out, held_out, whole_disk,
    words_out, nowhere, sibling,
)  # fmt: skip


@pytest.mark.parametrize("make", LEADING)
def test_a_link_out_of_the_folder_is_refused_by_name(
    make: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    link = make(filled(tmp_path / "data"), tmp_path / "away")
    with pytest.raises(LinkError) as refused:
        load(tmp_path / "data")
    sentence = str(refused.value)
    assert f"{link} is a link that leads out of {tmp_path / 'data'}, to " in sentence
    assert os.path.realpath(link) in sentence
    assert "--links follow" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("make", [file_out, relative_out, chain_out, sibling])
def test_it_is_followed_where_somebody_says_so_and_counted(
    make: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    make(filled(tmp_path / "data"), tmp_path / "away")
    found = load(tmp_path / "data", FOLLOW)
    assert found.linked == 1
    assert "1 of 13 images is read through links that lead out of data/." in found.notes
    assert np.concatenate([found.train_x, found.test_x]).max() == 255
    assert found.spec.links == REFUSE  # nobody who gets the study has said so


@pytest.mark.parametrize("make", [part_out, held_out, test_class_out])
def test_what_is_read_through_links_is_what_lies_there(
    make: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    plain = load(filled(tmp_path / "data"))
    link = make(tmp_path / "data", tmp_path / "away")
    found = load(tmp_path / "data", FOLLOW)
    assert found.spec.fingerprint == plain.spec.fingerprint
    assert found.linked == (3 if link.name == "bee" else 6)
    assert plain.linked == 0


def test_a_subset_of_links_into_a_large_dataset_is_read(tmp_path: Path) -> None:
    whole = filled(tmp_path / "imagenet")
    root = tmp_path / "subset"
    for part in ("train", "val"):
        (root / part).mkdir(parents=True)
        for name in CLASSES:
            source = whole / ("test" if part == "val" else part) / name
            (root / part / name).symlink_to(source, target_is_directory=True)
    with pytest.raises(LinkError, match="--links follow"):
        load(root)
    found = load(root, FOLLOW)
    assert found.linked == len(found) == 12
    assert found.spec.fingerprint == load(whole).spec.fingerprint


# -- what stays within ------------------------------------------------------------------------


def test_links_within_the_folder_and_a_folder_that_is_one_are_read(tmp_path: Path) -> None:
    root = filled(tmp_path / "data")
    (root / "pool").mkdir()
    picture(root / "pool" / "a.png", 250)
    (root / "train" / "ant" / "3.png").symlink_to(root / "pool" / "a.png")
    (root / "test" / "ant" / "3.png").symlink_to("../../pool/a.png")
    os.rename(root / "train" / "bee", root / "bees")
    (root / "train" / "bee").symlink_to(root / "bees", target_is_directory=True)
    plain = load(root)
    assert (len(plain), plain.linked) == (14, 0)
    (tmp_path / "named").symlink_to(root, target_is_directory=True)
    named = load(tmp_path / "named")
    assert named.spec.fingerprint == plain.spec.fingerprint
    assert named.linked == 0


def test_a_link_in_a_circle_is_no_image(tmp_path: Path) -> None:
    root = filled(tmp_path / "data")
    (root / "train" / "ant" / "3.png").symlink_to("3.png")
    with pytest.raises(DataError, match=r"3\.png"):
        load(root)


def test_a_link_in_a_circle_is_no_folder(tmp_path: Path) -> None:
    root = filled(tmp_path / "data")
    for place in (root, root / "train"):
        (place / "round").symlink_to("round", target_is_directory=True)
        (place / "round.png").symlink_to("round.png")
    assert len(load(root)) == 12


def test_cifar10_in_folders_follows_no_links_either(tmp_path: Path) -> None:
    from engine.datasets.cifar10 import CLASSES as TEN

    for part in ("train", "test"):
        for number, name in enumerate(TEN):
            picture(tmp_path / "data" / part / name / "0.png", 20 * number)
    link = tmp_path / "data" / "train" / "cat" / "1.png"
    link.symlink_to(picture(tmp_path / "secret.png", 255))
    with pytest.raises(LinkError, match=str(link)):
        load(tmp_path / "data", name="cifar10")
    assert load(tmp_path / "data", FOLLOW, "cifar10").linked == 1


# -- who says so ------------------------------------------------------------------------------


def test_no_file_says_that_links_are_followed() -> None:
    asked = DataSpec("folder", "x", links=FOLLOW)
    assert "links" not in to_plain(asked)
    assert key(asked) == key(DataSpec("folder", "x"))
    with pytest.raises(SpecError, match="links"):
        restored(DataSpec, {"name": "folder", "links": FOLLOW}, "data.")
    form = StudyForm(dataset="folder", root="x", links=FOLLOW)
    plain = json.loads(sessions.as_text(sessions.Session(form)))
    assert sessions.from_plain(plain).form.links == REFUSE
    plain["form"]["links"] = FOLLOW
    assert sessions.from_plain(plain).form.links == REFUSE


def test_the_window_takes_the_option() -> None:
    assert window.parse(["--links", "follow"]).links == FOLLOW
    with pytest.raises(SpecError, match="follow"):
        window.parse(["--links", "folow"])


def run(root: Path, store: Path, *more: str) -> int:
    """A tiny study of the folder, by the command line."""
    words = (
        f"run --dataset folder --root {shlex.quote(str(root))} --model mlp --methods ga "
        f"--forget indices:{shlex.quote(str(root.parent / 'forget.csv'))} --retrains 1 --draws 5 "
        f"--taus 0 --set train.epochs=1 --device cpu --store {shlex.quote(str(store))}"
    )
    (root.parent / "forget.csv").write_text("0\n", encoding="utf-8")
    return main([*shlex.split(words), *more])


def test_a_study_of_links_its_bundle_and_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = filled(tmp_path / "data")
    file_out(root, tmp_path / "away")
    assert run(root, tmp_path / "store") == 2
    assert "--links follow" in capsys.readouterr().err
    assert run(root, tmp_path / "store", "--links", "yes") == 2
    capsys.readouterr()
    assert run(root, tmp_path / "store", "--links", "follow") == 0
    said = capsys.readouterr()
    assert "1 of 13 images is read through links that lead out of data/." in said.out + said.err

    pipeline = Pipeline(Store(tmp_path / "store"), "cpu")
    one = pipeline.study(pipeline.studies()[0].key)
    spec = pipeline.spec_of(one)
    dataset = pipeline.dataset(spec.data, Reporter())  # these very data were read before
    assert dataset.linked == 1
    line = command_line(spec, dataset, "indices:x.csv", None)
    assert "--links follow" in line

    lines: list[str] = []
    out = tmp_path / "study.rkx"
    pipeline.save_bundle(one, out, {}, Heard(lines))
    assert any(
        "Of the 13 samples in the bundle, 1 was read through links" in each for each in lines
    )
    other = Pipeline(Store(tmp_path / "other"), "cpu")
    bundle.open_bundle(other.store, out, Reporter())
    lines.clear()
    (root / "train" / "ant" / "3.png").unlink()
    brought = other.dataset(spec.data, Heard(lines))
    assert brought.linked == 1
    assert any("1 of these 13 samples was read through links" in each for each in lines)


class Heard(Reporter):
    """Writes down what is logged."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def on_log(self, message: str) -> None:
        """Keep it."""
        self._lines.append(message)


def test_other_data_behind_links_are_not_taken_for_known_ones(tmp_path: Path) -> None:
    known = load(filled(tmp_path / "data"))
    root = filled(tmp_path / "theirs", level=60)
    file_out(root, tmp_path / "away")
    pipeline = Pipeline(Store(tmp_path / "store"), "cpu")
    with pytest.raises(DataError):
        pipeline.dataset(replace(known.spec, root=str(root)), Reporter())


def test_a_checkpoint_that_is_a_link_out_of_the_store_is_not_given_away(tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path / "store"), "cpu")
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    spec = pipeline.compose(
        iris, forget="class:1:3", methods=("ga",), training={"epochs": 1}, retrains=1, draws=5,
        taus="0",
    )  # fmt: skip
    one = pipeline.run(spec, Reporter())
    path = pipeline.store.path("checkpoints", compose.model_keys(spec)["ga"], ".pt")
    secret = tmp_path / "secret"
    path.rename(secret)
    path.symlink_to(secret)
    with pytest.raises(StoreError, match=f"{path} is a link that leads out of the store"):
        pipeline.save_bundle(one, tmp_path / "a.rkx", {}, Reporter())
    assert not (tmp_path / "a.rkx").exists()
    path.unlink()
    secret.rename(path)
    pipeline.save_bundle(one, tmp_path / "a.rkx", {}, Reporter())
    with hdf5.open_checked(tmp_path / "a.rkx") as file:
        assert any(name == f"checkpoints/{path.stem}" for name in file.names)
