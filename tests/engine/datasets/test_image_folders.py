"""Folders of images as people have them: which are read, under which names, and what is said."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.datasets import cifar10, small_cifar5
from engine.datasets.base import Dataset, load
from engine.errors import DataError, SpecError
from engine.pipeline.models import StudyModels
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.storage.store import Store

CLASSES = ("cat", "dog")


class Listener(Reporter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def on_log(self, message: str) -> None:
        self.lines.append(message)


def picture(path: Path, level: int = 9) -> None:
    """A gray square of this level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), (level,) * 3).save(path, "PNG")


def fill(top: Path, count: int, level: int = 0, classes: tuple[str, ...] = CLASSES) -> Path:
    """`count` images in each of top/<class>/, of ascending levels."""
    for name in classes:
        for number in range(count):
            picture(top / name / f"{number:02d}.png", level + number)
    return top


def read(root: Path, **words: object) -> tuple[Dataset, list[str]]:
    """The dataset in a folder, and what was said of it."""
    listener = Listener()
    return load(DataSpec("folder", str(root), **words), listener), listener.lines  # type: ignore[arg-type]


def levels(images: np.ndarray) -> list[int]:
    return [int(image[0, 0, 0]) for image in images]


# -- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("train", ["train", "Train", "TRAIN", "training", "Training"])
@pytest.mark.parametrize("test", ["test", "Test", "TESTING", "Valid", "eval", "dev", "Validation"])
def test_parts_are_known_by_their_names_in_any_case(train: str, test: str, tmp_path: Path) -> None:
    fill(tmp_path / train, 3)
    fill(tmp_path / test, 2, level=100)
    data, lines = read(tmp_path)
    assert levels(data.train_x) == [0, 1, 2] * 2 and levels(data.test_x) == [100, 101] * 2
    named = [] if test.lower() == "test" else [f"{test}/ with 4 images is the test part."]
    assert lines == named
    assert data.files[0] == f"{train}/cat/00.png" and data.files[-1] == f"{test}/dog/01.png"


def test_of_two_labeled_parts_the_test_part_is_read_and_the_other_counted(tmp_path: Path) -> None:
    fill(tmp_path / "train", 3)
    fill(tmp_path / "test", 2, level=50)
    fill(tmp_path / "val", 4, level=100)
    data, lines = read(tmp_path)
    assert levels(data.test_x) == [50, 51] * 2
    assert lines == ["val/ with 8 images is ignored: test/ is the test part."]


@pytest.mark.parametrize("inside", ["", "images", "unknown"])
def test_a_labeled_val_stands_in_for_an_unlabeled_test(inside: str, tmp_path: Path) -> None:
    fill(tmp_path / "train", 3)
    fill(tmp_path / "val", 2, level=100)
    for number in range(3):
        picture(tmp_path / "test" / inside / f"{number}.png")
    data, lines = read(tmp_path)
    assert levels(data.test_x) == [100, 101] * 2
    assert lines == [
        "test/ with 3 images is ignored: it has no labels, and val/ is the test part.",
        "val/ with 4 images is the test part.",
    ]


def test_an_unlabeled_test_alone_is_counted_and_images_are_held_out(tmp_path: Path) -> None:
    fill(tmp_path / "train", 5)
    picture(tmp_path / "test" / "0.png")
    data, lines = read(tmp_path)
    assert len(data.train_y) == 8
    assert lines[0] == "test/ with 1 image is ignored: it has no class folders."
    assert lines[1].startswith("There is no test part: 2 of 10 images")


def test_test_folders_of_other_classes_are_refused(tmp_path: Path) -> None:
    fill(tmp_path / "train", 3)
    fill(tmp_path / "test", 3, classes=("Cats", "Dogs"))
    with pytest.raises(DataError, match=r"test has a class 'Cats' that .*train does not have"):
        read(tmp_path)


def test_a_test_part_beside_the_class_folders(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    fill(tmp_path / "test", 2, level=100)
    data, lines = read(tmp_path)
    assert data.classes == CLASSES and levels(data.test_x) == [100, 101] * 2 and not lines


def test_test_parts_without_a_training_part_are_refused(tmp_path: Path) -> None:
    fill(tmp_path / "test", 3)
    fill(tmp_path / "val", 3)
    with pytest.raises(DataError, match=r"has test, val but no training part\. Name the"):
        read(tmp_path)


def test_parts_under_unknown_names_are_no_classes(tmp_path: Path) -> None:
    fill(tmp_path / "seg_train", 3)
    fill(tmp_path / "seg_test", 3)
    with pytest.raises(DataError, match="seg_test, seg_train, which look like parts of the data"):
        read(tmp_path)


def test_a_folder_too_high_gets_the_right_one_as_advice(tmp_path: Path) -> None:
    fill(tmp_path / "pictures" / "train", 3)
    with pytest.raises(DataError, match=r"Did you mean '.*pictures', which contains train/\?"):
        read(tmp_path)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    fill(tmp_path, 5, classes=("bus", "train"))
    data, lines = read(tmp_path)
    assert data.classes == ("bus", "train")
    assert lines[0] == "train/ is read as a class, like the folders next to it."


def test_flat_parts_are_no_classes(tmp_path: Path) -> None:
    for part in ("train", "test"):
        picture(tmp_path / part / "cat.0.png")
    with pytest.raises(DataError, match=r"train has no class folders. Put the images into"):
        read(tmp_path)


def test_what_lies_beside_the_parts_is_counted(tmp_path: Path) -> None:
    fill(tmp_path / "train", 3)
    fill(tmp_path / "test", 3)
    fill(tmp_path, 1, classes=("bus", "car"))
    picture(tmp_path / "logo.png")
    picture(tmp_path / "train" / "loose.png")
    _, lines = read(tmp_path)
    assert lines == [
        f"2 folders of {tmp_path.name}/ are ignored: bus, car.",
        f"1 image directly in {tmp_path.name}/ is ignored: not in a class folder.",
        "1 image directly in train/ is ignored: not in a class folder.",
    ]


# -- classes --------------------------------------------------------------------------------------


def test_images_below_a_class_folder_are_of_that_class(tmp_path: Path) -> None:
    fill(tmp_path / "train", 2)
    fill(tmp_path / "test", 1)
    picture(tmp_path / "train" / "cat" / "more" / "b" / "00.png", 77)
    picture(tmp_path / "train" / "cat" / "00" / "x.png", 55)
    data, lines = read(tmp_path)
    assert data.files[:4] == (
        "train/cat/00/x.png", "train/cat/00.png", "train/cat/01.png", "train/cat/more/b/00.png",
    )  # fmt: skip
    assert levels(data.train_x[:4]) == [55, 0, 1, 77]
    assert lines == [
        "2 of 8 images lie in subfolders of their class folder (such as cat/00/) and are assigned "
        "to that class."
    ]


@pytest.mark.parametrize("name", [".hidden", "__MACOSX", "@eaDir", ".ipynb_checkpoints"])
def test_folders_of_systems_are_not_read(name: str, tmp_path: Path) -> None:
    fill(tmp_path / "train", 3)
    fill(tmp_path / "test", 3)
    picture(tmp_path / "train" / "cat" / name / "._00.png")
    picture(tmp_path / "train" / "cat" / name / "00.png")
    picture(tmp_path / "train" / name / "00.png")
    picture(tmp_path / "test" / name / "00.png")
    data, lines = read(tmp_path)
    assert len(data.train_y) == 6 and not lines


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="this system has no links")
def test_links_to_folders_below_a_class_are_not_followed(tmp_path: Path) -> None:
    fill(tmp_path / "train", 3)
    fill(tmp_path / "test", 3)
    (tmp_path / "train" / "cat" / "round").symlink_to(tmp_path / "train", target_is_directory=True)
    data, lines = read(tmp_path)
    assert len(data.train_y) == 6
    assert lines == ["1 link to folders below class folders is not followed."]


@pytest.mark.parametrize("suffix", [".jfif", ".JPE", ".pbm", ".pnm", ".dib", ".apng", ".TIF"])
def test_less_common_suffixes_are_read(suffix: str, tmp_path: Path) -> None:
    fill(tmp_path, 2)
    picture(tmp_path / "cat" / f"x{suffix}", 77)
    data, _ = read(tmp_path)
    assert len(data) == 5


def test_files_that_are_no_images_are_counted_by_kind(tmp_path: Path) -> None:
    fill(tmp_path / "train", 3)
    fill(tmp_path / "test", 3)
    for name in ("a.txt", "b.txt", "c.raw", "mnist_0001", ".DS_Store"):
        (tmp_path / "train" / "cat" / name).write_text("?")
    _, lines = read(tmp_path)
    assert lines == [
        "4 files in class folders are ignored, not images by suffix: 2 .txt, 1 .raw, 1 no suffix."
    ]


def test_a_class_without_test_images_is_said(tmp_path: Path) -> None:
    fill(tmp_path / "train", 3, classes=("ant", "bee", "cat"))
    fill(tmp_path / "test", 2, classes=("ant", "bee"))
    (tmp_path / "test" / "bee" / "00.png").unlink()
    (tmp_path / "test" / "bee" / "01.png").unlink()
    data, lines = read(tmp_path)
    assert data.test_y.tolist() == [0, 0] and len(data.classes) == 3
    assert lines == ["test/ has no images for 2 of 3 classes: bee, cat."]


def test_names_with_spaces_and_letters_of_all_scripts(tmp_path: Path) -> None:
    names = tuple(unicodedata.normalize("NFC", one) for one in ("gato montés", "犬"))
    fill(tmp_path, 5, classes=names)
    data, _ = read(tmp_path)
    assert data.classes == names and data.name_of(0).startswith("gato montés/0")


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_a_name_that_cannot_be_shown_is_written_with_its_codes(tmp_path: Path) -> None:
    fill(tmp_path / "train", 2)
    fill(tmp_path / "test", 1)
    picture(tmp_path / "train" / "cat" / "0\n0\u202e.png")
    data, _ = read(tmp_path)
    assert data.files[0] == "train/cat/0\\n0\\u202e.png"


# -- without a test part --------------------------------------------------------------------------


def test_what_is_held_out_is_counted_and_named(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    data, lines = read(tmp_path, seed=5)
    assert lines == [
        "There is no test part: 4 of 20 images (20 % of each class, seed 5) are held out for "
        "testing. Indices count the 16 remaining images first, then these; each sample is named by "
        "its file."
    ]
    for index in range(len(data)):
        name = CLASSES[data.label_of(index)]
        assert data.name_of(index) == f"{name}/{data.raw(index)[0, 0, 0]:02d}.png"
    assert len(set(data.files)) == 20


def test_one_image_a_class_gets_advice(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    with pytest.raises(DataError, match=r"Add test/<class>/ .*, or put at least two images into"):
        read(tmp_path)


def test_a_class_of_one_image_beside_others_is_said(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    picture(tmp_path / "eel" / "0.png")
    data, lines = read(tmp_path)
    assert 2 not in data.test_y and "except 1 class with one image" in lines[0]


# -- who hears it ---------------------------------------------------------------------------------


def test_what_was_loaded_in_silence_is_said_to_the_first_who_listens_and_once(
    tmp_path: Path,
) -> None:
    fill(tmp_path / "data", 5)
    spec = DataSpec("folder", str(tmp_path / "data"))
    first, second, third = (StudyModels(Store(tmp_path / "store"), "cpu") for _ in range(3))
    listener = Listener()
    first.datasets.load(spec, Reporter())
    first.datasets.load(spec, listener)
    first.datasets.load(spec, listener)
    assert len(listener.lines) == 1 and "There is no test part" in listener.lines[0]
    second.datasets.load(spec, listener)  # another lane of the window
    assert len(listener.lines) == 1
    (tmp_path / "data" / "cat" / "notes.txt").write_text("?")
    third.datasets.load(spec, listener)
    assert len(listener.lines) == 2 and ".txt" in listener.lines[1]


# -- Tiny ImageNet --------------------------------------------------------------------------------


def tiny(root: Path) -> Path:
    """Tiny ImageNet's layout as it is downloaded, of three classes."""
    wnids = ("n02", "n01", "n03")
    for wnid in wnids:
        for number in range(4):
            picture(root / "train" / wnid / "images" / f"{wnid}_{number}.JPEG", number)
        (root / "train" / wnid / f"{wnid}_boxes.txt").write_text("x\t0\t0\t62\t62\n")
    rows = []
    for number in range(6):
        picture(root / "val" / "images" / f"val_{number}.JPEG", 100 + number)
        rows.append(f"val_{number}.JPEG\t{wnids[number % 3]}\t0\t0\t62\t62\n")
        picture(root / "test" / "images" / f"test_{number}.JPEG")
    (root / "val" / "val_annotations.txt").write_text("".join(rows))
    (root / "wnids.txt").write_text("\n".join(wnids))
    (root / "words.txt").write_text("n01\tgoldfish, Carassius\nn02\tcrane\nn03\tcrane, bird\n")
    return root


def test_tiny_imagenet_as_it_is_downloaded(tmp_path: Path) -> None:
    data, lines = read(tiny(tmp_path))
    assert data.train_y.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert data.files[0] == "train/n01/images/n01_0.JPEG"
    assert data.test_y.tolist() == [0, 0, 1, 1, 2, 2]
    assert levels(data.test_x) == [101, 104, 100, 103, 102, 105]
    assert data.classes == ("goldfish", "crane (n02)", "crane (n03)")
    assert lines == [
        "test/ with 6 images is ignored: it has no labels, and val/ is the test part.",
        "val/ with 6 images is the test part.",
        "The class labels of val/ come from val_annotations.txt.",
        "12 of 12 images lie in subfolders of their class folder (such as n01/images/) and are "
        "assigned to that class.",
        "3 files in class folders are ignored, not images by suffix: 3 .txt.",
    ]


def test_classes_keep_their_folders_names_elsewhere(tmp_path: Path) -> None:
    tiny(tmp_path)
    (tmp_path / "wnids.txt").unlink()
    assert read(tmp_path)[0].classes == ("n01", "n02", "n03")


def test_annotations_that_fit_in_part_are_counted(tmp_path: Path) -> None:
    tiny(tmp_path)
    with (tmp_path / "val" / "val_annotations.txt").open("a") as file:
        file.write("val_9.JPEG\tn01\n")
    picture(tmp_path / "val" / "images" / "other.JPEG")
    for path in sorted((tmp_path / "train" / "n03").rglob("*.*")):
        path.unlink()
    (tmp_path / "train" / "n03" / "images").rmdir()
    (tmp_path / "train" / "n03").rmdir()
    data, lines = read(tmp_path)
    assert data.test_y.tolist() == [0, 0, 1, 1]
    assert {
        "2 images of val/ of classes that are not in the training part are ignored.",
        "1 image of val/ without a class is ignored.",
        "1 image listed in val_annotations.txt is missing.",
    } <= set(lines)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda file: file.write_text("val_0.JPEG n01\n"), "line 1, is not a file name and"),
        (lambda file: file.write_bytes(b"\xff\xfe\x00\t"), "cannot be read as text"),
    ],
)
def test_annotations_that_are_none_are_refused(
    spoil: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    spoil(tiny(tmp_path) / "val" / "val_annotations.txt")
    with pytest.raises(DataError, match=sentence):
        read(tmp_path)


def test_annotations_lead_to_no_file_elsewhere(tmp_path: Path) -> None:
    root = tiny(tmp_path / "tiny")
    picture(tmp_path / "secret.png")
    with (root / "val" / "val_annotations.txt").open("a") as file:
        file.write("../../secret.png\tn01\n")
    data, lines = read(root)
    assert len(data.test_y) == 6
    assert "1 image listed in val_annotations.txt is missing." in lines


# -- CIFAR-10 from files --------------------------------------------------------------------------


def test_cifar10_from_files_says_which_numbering_holds(tmp_path: Path) -> None:
    for part in ("Train", "TEST"):
        fill(tmp_path / part, 2, classes=cifar10.CLASSES)
    listener = Listener()
    data = load(DataSpec("cifar10", str(tmp_path)), listener)
    assert data.files[3] == data.name_of(3) == "Train/automobile/01.png"
    assert data.name_of(20) == "TEST/airplane/00.png"
    (line,) = listener.lines
    assert line.startswith("CIFAR-10 is read from image files: indices are sorted by class, then f")
    assert "19 is Train/truck/01.png" in line and "in the order of the CIFAR-10 archive" in line


def test_small_cifar5_from_files_says_how_many_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_cifar5, "EACH", 2)
    fill(tmp_path / "train", 5, classes=small_cifar5.CLASSES)
    fill(tmp_path / "test", 3, classes=small_cifar5.CLASSES)
    listener = Listener()
    data = load(DataSpec("small-cifar5", str(tmp_path), seed=3), listener)
    for index in range(len(data)):
        assert data.name_of(index).endswith(f"/{data.raw(index)[0, 0, 0]:02d}.png")
    assert listener.lines == [
        "Small CIFAR-5 draws 10 of 25 training and 10 of 15 test images with seed 3. Indices are "
        "sorted by class, then file name; samples are named by file."
    ]


def test_small_cifar5_without_a_test_part_names_files_of_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_cifar5, "EACH", 2)
    fill(tmp_path, 5, classes=small_cifar5.CLASSES)
    listener = Listener()
    data = load(DataSpec("small-cifar5", str(tmp_path)), listener)
    assert len(set(data.files)) == 20
    for index in range(len(data)):
        assert data.name_of(index).endswith(f"/{data.raw(index)[0, 0, 0]:02d}.png")
    assert listener.lines[0].startswith(
        "Small CIFAR-5 draws 10 training and 10 test images from 25 with seed 131, because there "
    )


@pytest.mark.parametrize("name", ["iris", "digits"])
def test_only_image_folders_are_read_in_gray(name: str) -> None:
    if name == "digits":
        assert load(DataSpec(name, channels="gray")).shape == (1, 8, 8)  # they are
        return
    with pytest.raises(SpecError, match="cannot be read in grayscale"):
        load(DataSpec(name, channels="gray"))
