"""`rk-engine verify`: it finds what was changed, whatever was changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from engine.__main__ import main
from engine.errors import EngineError
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.storage import hdf5
from engine.storage.store import Store, read
from engine.study import compose
from engine.verification import verify

EVERYTHING = 1000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a study of iris and one neighborhood."""
    root = tmp_path_factory.mktemp("verified") / "store"
    pipeline = Pipeline(Store(root), "cpu")
    data = pipeline.dataset(DataSpec("iris"), Reporter())
    spec = pipeline.compose(
        data, methods=("gd", "ga"), retrains=2, draws=20, training={"epochs": 5}, taus="0:0.4:3"
    )
    pipeline.run(spec, Reporter())
    pipeline.neighborhood(spec, spec.forget[0], "", -1.0, Reporter())
    pipeline.close()
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy of that store."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def one(root: Path, kind: str, suffix: str = "h5") -> Path:
    """The first file of a kind."""
    return sorted((root / kind).glob(f"*.{suffix}"))[0]


def of_viewer(root: Path, viewer: str) -> Path:
    """The answers of one model."""
    files = (root / "counts").glob("*.h5")
    return next(path for path in files if read(path).attributes["viewer"] == viewer)


def labels_of(root: Path, path: Path) -> np.ndarray:
    """The classes of the forget samples."""
    spec = compose.from_plain(read(path).plain("spec"))
    data = Pipeline(Store(root), "cpu").dataset(spec.data, Reporter())
    return data.train_y[list(spec.forget)]


def label_at(root: Path, path: Path, place: tuple[int, ...]) -> int:
    """The class of the sample at this place of the answers."""
    return int(labels_of(root, path)[place[0]])


def one_wrong_answer(root: Path, path: Path) -> tuple[int, tuple[int, ...]]:
    """(number of answers, place of one that is not the sample's class)."""
    said = read(path).arrays["predictions"]
    wrong = np.argwhere(said != labels_of(root, path)[:, None, None])
    return said.size, tuple(int(part) for part in wrong[0])


def rewrite(path: Path, change: Callable[[dict[str, np.ndarray], dict[str, object]], None]) -> None:
    """Change a record and write it with a hash that fits, as no accident would."""
    record = read(path)
    arrays, facts = dict(record.arrays), dict(record.attributes)
    change(arrays, facts)
    facts[hdf5.HASH] = hdf5.digest(hdf5.GroupContent(facts, arrays))
    hdf5.write(path, [("", hdf5.GroupContent(facts, arrays))])


def ask(root: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    """(exit status, what is printed) of the command."""
    status = main(["verify", "--store", str(root), "--device", "cpu", *more])
    return status, capsys.readouterr().out


def test_a_sound_store_has_nothing_wrong(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    status, said = ask(root, capsys, "--sample", str(EVERYTHING))
    files = [path for path in before if path.suffix in (".h5", ".pt")]
    count = sum(path.suffix == ".h5" for path in files)
    expected = f"{len(files)} files read, {count} results recomputed: nothing is wrong.\n"
    assert (status, said) == (0, expected)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("kind", ["studies", "models", "counts", "neighborhoods"])
def test_one_changed_number_is_found(
    root: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path = one(root, kind)
    with h5py.File(path, "a") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if hasattr(item, "dtype") else None)
        array = file[names[0]]
        array[(0,) * array.ndim] += 1
    status, said = ask(root, capsys, "--sample", "0")
    assert status == 1
    assert f"{kind}/{path.name} is damaged: its content does not match its hash." in said
    assert path.exists()  # nothing is set aside by looking


@pytest.mark.parametrize("damage", ["attribute", "cut", "name"])
def test_every_other_damage_is_found(
    root: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    path = one(root, "models")
    if damage == "attribute":
        with h5py.File(path, "a") as file:
            file.attrs["seed"] = 7
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-700])
    else:
        path = path.rename(path.with_name(f"{'0' * 20}.h5"))
    status, said = ask(root, capsys, "--sample", "0")
    assert status == 1
    assert f"models/{path.name} is damaged: " in said


def test_no_flipped_bit_changes_what_is_read_unnoticed(root: Path) -> None:
    path = one(root, "models")
    data, whole = path.read_bytes(), read(path)
    rng, noticed = np.random.default_rng(0), 0
    for place in rng.choice(len(data), 80, replace=False):
        path.write_bytes(data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :])
        try:
            found = read(path)
        except (EngineError, OSError, KeyError, ValueError, RuntimeError):
            noticed += 1
        else:  # it lay in a gap between the parts of the file
            assert found.attributes == whole.attributes
            assert all(np.array_equal(found.arrays[n], a) for n, a in whole.arrays.items())
    assert noticed > 40


@pytest.mark.parametrize("part", ["weights", "facts"])
def test_changed_weights_are_found(
    root: Path, capsys: pytest.CaptureFixture[str], part: str
) -> None:
    path = one(root, "checkpoints", "pt")
    content = torch.load(path, weights_only=True)
    if part == "weights":
        next(iter(content["state_dict"].values())).view(-1)[0] += 1
    else:
        content["facts"] = content["facts"].replace('"seed": 131', '"seed": 132')
    torch.save(content, path)
    status, said = ask(root, capsys, "--sample", "0")
    assert status == 1
    assert f"{path} is damaged: its " in said


def test_a_record_under_the_key_of_another_is_found(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = of_viewer(root, "gd")
    rewrite(path, lambda arrays, facts: facts.update(viewer="ga"))
    status, said = ask(root, capsys, "--sample", "0")
    assert status == 1
    assert f"counts/{path.name} is damaged: its settings have the key " in said


def test_answers_that_no_model_gives_are_found(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = of_viewer(root, "gd")

    def change(arrays: dict[str, np.ndarray], facts: dict[str, object]) -> None:
        arrays["predictions"] = (arrays["predictions"] + 1) % 3

    rewrite(path, change)
    cells = read(path).arrays["predictions"].size
    status, said = ask(root, capsys, "--sample", str(EVERYTHING))
    assert status == 1
    every = f"{cells} of {cells} predictions of gd (100.00%) differ on recomputing."
    assert f"counts/{path.name}: {every}" in said


def test_a_measure_that_does_not_follow_is_found(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = one(root, "studies")
    text = str(read(path).attributes["metrics"])
    value = read(path).plain("metrics")["gd"]["retain_acc"]

    def change(arrays: dict[str, np.ndarray], facts: dict[str, object]) -> None:
        facts["metrics"] = text.replace(str(value), "12.5", 1)

    rewrite(path, change)
    status, said = ask(root, capsys, "--sample", str(EVERYTHING))
    assert status == 1
    assert "but 12.5 in the file." in said


def test_a_neighborhood_that_no_model_gives_is_found(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(arrays: dict[str, np.ndarray], facts: dict[str, object]) -> None:
        arrays["predictions/ga"] = (arrays["predictions/ga"] + 1) % 3

    rewrite(one(root, "neighborhoods"), change)
    status, said = ask(root, capsys, "--sample", str(EVERYTHING))
    assert status == 1
    assert "20 of 20 predictions of ga (100.00%) differ on recomputing." in said


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("device", "cuda", 0),
        ("threads", 99, 0),
        ("versions", '{"torch": "1.0"}', 0),
        ("seed", 131, 1),
    ],
)
def test_few_answers_may_differ_elsewhere_but_none_here(
    root: Path, capsys: pytest.CaptureFixture[str], name: str, value: object, wrong: int
) -> None:
    path = of_viewer(root, "gd")
    cells, place = one_wrong_answer(root, path)

    def change(arrays: dict[str, np.ndarray], facts: dict[str, object]) -> None:
        said = arrays["predictions" if "predictions" in arrays else "predictions/gd"]
        said[place] = ({0, 1, 2} - {int(said[place]), label_at(root, path, place)}).pop()
        if "predictions" in arrays:
            facts[name] = value

    rewrite(one(root, "studies"), change)  # says the same, so that only the model itself can tell
    rewrite(path, change)
    status, said = ask(root, capsys, "--sample", str(EVERYTHING))
    assert f"counts/{path.name}: 1 of {cells} predictions of gd (" in said
    assert status == wrong


def test_what_cannot_be_computed_here_is_said_and_not_wrong(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = compose.from_plain(read(one(root, "studies")).plain("spec"))
    (root / "checkpoints" / f"{compose.model_keys(spec)['gd']}.pt").unlink()
    status, said = ask(root, capsys, "--sample", str(EVERYTHING))
    assert status == 0
    assert said.count("was not recomputed: gd is not in the store with its weights.") == 5
    assert not (root / "checkpoints" / f"{compose.model_keys(spec)['gd']}.pt").exists()


def test_a_file_without_a_hash_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = one(root, "models")
    with h5py.File(path, "a") as file:
        del file.attrs[hdf5.HASH]
    status, said = ask(root, capsys, "--sample", "0")
    assert status == 1
    assert f"models/{path.name} is damaged: it carries no hash" in said


def test_the_seed_says_which_rows_are_computed(root: Path) -> None:
    pipeline = Pipeline(Store(root), "cpu")
    path = of_viewer(root, "gd")
    _, place = one_wrong_answer(root, path)

    def change(arrays: dict[str, np.ndarray], facts: dict[str, object]) -> None:
        said = arrays["predictions" if "predictions" in arrays else "predictions/gd"]
        said[place] = ({0, 1, 2} - {int(said[place]), label_at(root, path, place)}).pop()

    rewrite(one(root, "studies"), change)
    rewrite(path, change)
    half = len(read(path).arrays["predictions"]) // 2
    found = [bool(verify(pipeline, half, seed, Reporter()).wrong) for seed in range(8)]
    assert found == [bool(verify(pipeline, half, seed, Reporter()).wrong) for seed in range(8)]
    assert any(found) and not all(found)


def test_an_empty_store_has_nothing_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = ask(tmp_path / "new", capsys)
    assert (status, said) == (0, "0 files read, 0 results recomputed: nothing is wrong.\n")
