"""Files from strangers can do no more than be wrong: each test is one guard."""

from __future__ import annotations

import json
import os
import pickle
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from engine.__main__ import main
from engine.datasets import _images as images
from engine.datasets.base import check
from engine.embedding.joint_umap import Embedder
from engine.errors import DataError, EngineError, SpecError, StoreError
from engine.external import network
from engine.forget_sets.forget_set import read_indices
from engine.forget_sets.indices import index_table
from engine.pipeline import bundle
from engine.pipeline.pipeline import Pipeline
from engine.results import FORGET, RETAIN, Study
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec
from engine.storage import hdf5, schema
from engine.storage.store import Store
from engine.study import compose
from engine.tables.csv import csv_text

# -- HDF5 -------------------------------------------------------------------------------------


def _cycle(file: h5py.File) -> None:
    file.create_group("a")["b"] = file["/"]


def _twice(file: h5py.File) -> None:
    file["again"] = file["x"]


def _unallocated(file: h5py.File) -> None:
    file.create_dataset("claim", (1 << 26,), "f4", chunks=(1 << 20,))


def _lzf(file: h5py.File) -> None:
    file.create_dataset("claim", data=np.zeros(99), compression="lzf")


def _wide(file: h5py.File) -> None:
    file["claim"] = np.zeros(3, np.longdouble)


def _swapped(file: h5py.File) -> None:
    file["claim"] = np.zeros(3, ">f4")


def _nothing(file: h5py.File) -> None:
    file["claim"] = h5py.Empty("f4")


def _line_in_name(file: h5py.File) -> None:
    file["a\nb"] = np.zeros(3)


def _turned_name(file: h5py.File) -> None:
    file["\u202eabc"] = np.zeros(3)


def _long_name(file: h5py.File) -> None:
    file["n" * 5000] = np.zeros(3)


def _no_letters(file: h5py.File) -> None:
    file[b"\xff\xfe"] = np.zeros(3)


def _list_attribute(file: h5py.File) -> None:
    file.attrs["facts"] = np.zeros(1000)


def _many_texts(file: h5py.File) -> None:
    file.attrs["facts"] = np.array(["x" * 1000] * 100, dtype=object)


def _bytes_attribute(file: h5py.File) -> None:
    file.attrs["facts"] = np.bytes_(b"\xff")


def _half_letter(file: h5py.File) -> None:
    file.attrs.create("facts", b"\xff", dtype=h5py.string_dtype())


def _attribute_without_letters(file: h5py.File) -> None:
    file.attrs[b"\xff\xfe"] = 1


def _attribute_of_two_lines(file: h5py.File) -> None:
    file.attrs["a\nb"] = 1


def _many_attributes(file: h5py.File) -> None:
    for number in range(1100):
        file.attrs[f"fact {number}"] = 1


@pytest.mark.parametrize(
    "harm",
    [
        _cycle, _twice, _unallocated, _lzf, _wide, _swapped, _nothing,
        _line_in_name, _turned_name, _long_name, _no_letters, _list_attribute, _many_texts,
        _bytes_attribute, _half_letter, _attribute_without_letters, _attribute_of_two_lines,
        _many_attributes,
    ],
)  # fmt: skip
def test_what_no_store_writes_is_not_read(
    harm: Callable[[h5py.File], None], tmp_path: Path
) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver=("v108", "latest")) as file:
        file["x"] = np.arange(3.0)
    assert hdf5.read(path).arrays["x"].tolist() == [0, 1, 2]
    with h5py.File(path, "a") as file:
        harm(file)
    with pytest.raises((StoreError, ValueError)):
        hdf5.read(path)


def _link_within(file: h5py.File) -> None:
    file["claim"] = h5py.SoftLink("/x")


def _link_elsewhere(file: h5py.File) -> None:
    file["claim"] = h5py.ExternalLink(_another(file), "/x")


def _data_elsewhere(file: h5py.File) -> None:
    file.create_dataset("claim", (4,), dtype="u1", external=[(_another(file), 0, 4)])


def _texts(file: h5py.File) -> None:
    file["claim"] = np.array(["a", "b"], dtype=object)


def _another(file: h5py.File) -> str:
    """A sound file beside this one, which could well be read."""
    path = Path(file.filename).with_name("other.h5")
    with h5py.File(path, "w") as other:
        other["x"] = np.arange(3.0)
    return str(path)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_link_within, "is a link, which is never followed"),
        (_link_elsewhere, "is a link, which is never followed"),
        (_data_elsewhere, "is stored in another file, which is never opened"),
        (_texts, "not plain numbers"),
    ],
)
def test_what_lies_elsewhere_and_objects_are_refused_for_what_they_are(
    harm: Callable[[h5py.File], None], says: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver=("v108", "latest")) as file:
        harm(file)
    with pytest.raises(StoreError, match=says):
        hdf5.read(path)


def test_a_name_that_leads_through_other_parts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver="earliest") as file:  # without checksums
        file["by-x"] = np.zeros(3)
    path.write_bytes(path.read_bytes().replace(b"by-x", b"by/x"))
    with pytest.raises(StoreError, match="has an invalid name"):
        hdf5.read(path)


def test_an_array_in_too_many_or_too_large_parts_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("crumbs", data=np.zeros(1000), chunks=(1,))
    assert len(hdf5.read(path).arrays["crumbs"]) == 1000
    with pytest.raises(StoreError, match="too many parts"):
        hdf5.read(path, limits=hdf5.Limits(items=500))
    with h5py.File(path, "w") as file:
        side = hdf5.LARGEST_CHUNK + 1
        file.create_dataset("x", (4,), "u1", maxshape=(None,), chunks=(side,), compression=1)
        file["x"][...] = 1
    with pytest.raises(StoreError, match="chunks that are too large"):
        hdf5.read(path)


# -- results ----------------------------------------------------------------------------------


@pytest.fixture
def spec(pipeline: Pipeline) -> RunSpec:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    words: dict[str, Any] = {"training": {"epochs": 1}, "retrains": 1, "draws": 10}
    return pipeline.compose(iris, forget="class:1:3", methods=("ga",), **words)


@pytest.fixture
def made(pipeline: Pipeline, spec: RunSpec) -> Study:
    return pipeline.run(spec, Reporter())


def test_a_result_with_an_attribute_without_letters_is_set_aside(
    pipeline: Pipeline, made: Study
) -> None:
    with h5py.File(pipeline.store.path("studies", made.key), "a") as file:
        _attribute_without_letters(file)
    said: list[str] = []
    assert Store(pipeline.store.root, said.append).get("studies", made.key) is None
    assert "one of its attributes has an invalid name" in said[0]


def change(path: Path, harm: Callable[[h5py.File], None]) -> None:
    """Change a result, and give it the hash of what it is now."""
    with h5py.File(path, "a") as file:
        harm(file)
        file.attrs.pop(hdf5.HASH, None)


def _resized(name: str, *shape: int) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        kind = file[name].dtype
        del file[name]
        file[name] = np.zeros(shape, kind)

    return harm


def _retyped(name: str) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        values = file[name][()]
        del file[name]
        file[name] = values.astype(np.float32)

    return harm


def _without(name: str) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        del file[name]

    return harm


def _counting(answers: int) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        file["counts/ga"][0, 0] = answers

    return harm


def _saying(name: str, value: Any) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        file.attrs[name] = value

    return harm


def _lacking(name: str) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        del file.attrs[name]

    return harm


def _with_spec(change: Callable[[dict[str, Any]], object]) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        spec = json.loads(file.attrs["spec"])
        change(spec)
        file.attrs["spec"] = json.dumps(spec)

    return harm


HARMS = {
    "counts of other samples": _resized("counts/ga", 9, 11),
    "another grid": _resized("taus", 4),
    "counts that are no counts": _retyped("counts/ga"),
    "more answers than copies": _counting(2**30),
    "a short curve": _resized("curves/ga/low", 2),
    "no Re-train": _without("counts/retrain-0"),
    "no curve": _without("curves"),
    "no posterior": _without("posterior/ga"),
    "no labels": _saying("labels", "[1, 2]"),
    "a label of two lines": _saying("labels", json.dumps({"ga": "a\nb", "original": "O"})),
    "metrics of words": _saying("metrics", json.dumps({"ga": {"test_acc": "much"}})),
    "metrics beyond all numbers": _saying("metrics", json.dumps({"ga": {"test_acc": 10**400}})),
    "a seed beyond all numbers": _with_spec(lambda spec: spec.update(seed=2**64)),
    "a spec of nothing": _saying("spec", "{}"),
    "a spec too deep": _saying("spec", "[" * 100_000),
    "a spec without methods": _with_spec(lambda spec: spec.pop("methods")),
    "a method without settings": _with_spec(lambda spec: spec["methods"][0].pop("config")),
    "settings without fields": _with_spec(lambda spec: spec.update(train=[1])),
    "no draws": _saying("draws", 0),
    "no versions": _lacking("versions"),
    "no device": _lacking("device"),
    "no time": _lacking("created"),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_a_study_whose_parts_do_not_fit_is_set_aside(
    harm: Callable[[h5py.File], None], pipeline: Pipeline, made: Study
) -> None:
    path = pipeline.store.path("studies", made.key)
    change(path, harm)
    with pytest.raises(EngineError):
        pipeline.study(made.key)
    assert (pipeline.store.root / "damaged" / f"studies-{path.name}").is_file()
    assert pipeline.studies() == []


def test_answers_to_other_samples_are_computed_again(
    pipeline: Pipeline, made: Study, spec: RunSpec
) -> None:
    store = pipeline.store
    store.path("studies", made.key).unlink()
    for key in store.keys("counts"):
        for name in ("predictions", "counts", "samples"):
            shape = {"predictions": (1, 11, 10), "counts": (1, 11), "samples": (1,)}[name]
            change(store.path("counts", key), _resized(name, *shape))
    for key in store.keys("models"):
        change(store.path("models", key), _resized("outputs/train", 5, 3))
    again = Pipeline(Store(store.root)).run(spec, Reporter())
    assert again.metrics.keys() == made.metrics.keys()
    for name, counts in made.residual.counts.items():
        np.testing.assert_array_equal(again.residual.counts[name], counts)


# -- classes and samples that the dataset lacks -----------------------------------------------


def _numbered(name: str, number: float, at: int = -1) -> Callable[[h5py.File], None]:
    """The last number of an array, or the first, is another one."""

    def harm(file: h5py.File) -> None:
        file[name][(at,) * file[name].ndim] = number

    return harm


def _more_layers(file: h5py.File) -> None:
    layers = json.loads(file.attrs["layers"])
    _resized("cka", len(layers) + 1)(file)
    file.attrs["layers"] = json.dumps([*layers, "one more"])


def _copies_of_nobody(file: h5py.File) -> None:
    file["kind"][np.flatnonzero(file["kind"][()] == FORGET)] = RETAIN


def _neighborhood(pipeline: Pipeline, spec: RunSpec) -> Any:
    found = pipeline.neighborhood(spec, 3, "", -1, Reporter())
    return {**found.predictions, "label": found.label}


def _slice(pipeline: Pipeline, spec: RunSpec) -> Any:
    found = pipeline.slice(spec, 3, "random", 0.2, 3, Reporter())
    facts = {name: getattr(found, name) for name in ("label", "sample", "directions", "tau")}
    return {**found.predictions, **facts, "steps": found.steps, "ball": found.ball}


def _embedding(pipeline: Pipeline, spec: RunSpec) -> Any:
    found = pipeline.embed(spec, ["original", "ga"], Reporter())
    trails = np.concatenate(found.trails())
    places = {"sample": found.sample, "kind": found.kind, "trails": trails}
    return {**found.predicted, **places, "label": found.label, "tau": found.tau}


def _recognition(pipeline: Pipeline, spec: RunSpec) -> Any:
    found = pipeline.recognition(spec, "ga", Reporter())
    return {"samples": found.samples, "taus": found.taus}


def _similarity(pipeline: Pipeline, spec: RunSpec) -> Any:
    found = pipeline.similarity(spec, "original", "ga", Reporter())
    return {"layers": found.layers, "means": [one.mean for one in found.lines]}


def _counts(pipeline: Pipeline, spec: RunSpec) -> Any:
    pipeline.store.path("studies", compose.study_key(spec)).unlink(missing_ok=True)
    return dict(pipeline.run(spec, Reporter()).residual.counts)


@pytest.fixture
def heard() -> list[str]:
    """What `again` says of damage."""
    return []


@pytest.fixture
def again(pipeline: Pipeline, heard: list[str]) -> Iterator[Pipeline]:
    """Another pipeline on the same store, that has nothing in memory."""
    other = Pipeline(Store(pipeline.store.root, heard.append))
    yield other
    other.close()


@pytest.fixture
def flat(monkeypatch: pytest.MonkeyPatch) -> None:
    """An embedding shows two features as they are, which takes no seconds as UMAP does."""

    def shown(self: Embedder, features: Sequence[np.ndarray], *more: Any) -> list[np.ndarray]:
        return [np.ascontiguousarray(one[:, :2]) for one in features]

    monkeypatch.setattr(Embedder, "fit", shown)
    monkeypatch.setattr(Embedder, "warm_up", lambda self: None)


LOOKS = {
    "neighborhoods": _neighborhood,
    "slices": _slice,
    "embeddings": _embedding,
    "recognitions": _recognition,
    "similarities": _similarity,
    "counts": _counts,
}
FOREIGN = {
    "a class of copies": ("neighborhoods", _numbered("predictions/ga", 99), "number 99,.* 3 cla"),
    "a class below all": ("neighborhoods", _numbered("predictions/ga", -1), "number -1,.* 3 cla"),
    "a sample's copies": ("neighborhoods", _saying("sample", 999), "number 999,.* 150 samples"),
    "a class on a plane": ("slices", _numbered("predictions/ga", 99), "number 99,.* 3 classes"),
    "a plane's label": ("slices", _saying("label", 3), "number 3,.* 3 classes"),
    "half a label": ("slices", _saying("label", 1.5), "is not an integer"),
    "a plane's sample": ("slices", _saying("sample", 150), "number 150,.* 150 samples"),
    "a plane to a sample": ("slices", _saying("other", -2), "number -2,.* 150 samples"),
    "a plane to nowhere": ("slices", _saying("directions", "up"), "unknown directions"),
    "a plane of no size": (
        "slices",
        _numbered("steps", np.nan),
        "holds values that are not finite",
    ),
    "a ball of no size": ("slices", _numbered("ball", np.inf), "holds values that are not finite"),
    "no tau": ("slices", _saying("tau", np.nan), "'tau' is not a number"),
    "a point's label": ("embeddings", _numbered("label", 3), "number 3,.* 3 classes"),
    "a point's class": ("embeddings", _numbered("predicted/ga", 99), "number 99,.* 3 classes"),
    "a point's sample": ("embeddings", _numbered("sample", 150, 0), "number 150,.* 150 samples"),
    "a point's kind": ("embeddings", _numbered("kind", 4), "points of an unknown kind"),
    "copies of nobody": ("embeddings", _copies_of_nobody, "samples that it lacks"),
    "a recognized sample": ("recognitions", _numbered("samples", 120), "number 120,.* 120 train"),
    "a compared sample": ("similarities", _numbered("samples", 120), "number 120,.* 120 train"),
    "one layer more": ("similarities", _more_layers, "not \\(\\d+,\\)"),
    "an answer": ("counts", _numbered("predictions", 99), "number 99,.* 3 classes"),
}


@pytest.mark.usefixtures("flat")
@pytest.mark.parametrize(("kind", "harm", "said"), FOREIGN.values(), ids=FOREIGN)
def test_a_result_on_what_the_dataset_lacks_is_set_aside_and_made_again(
    kind: str,
    harm: Callable[[h5py.File], None],
    said: str,
    pipeline: Pipeline,
    again: Pipeline,
    heard: list[str],
    made: Study,
    spec: RunSpec,
) -> None:
    look, store = LOOKS[kind], pipeline.store
    expected = look(pipeline, spec)
    path = next(store.path(kind, key) for key in store.keys(kind))
    change(path, harm)
    np.testing.assert_equal(look(again, spec), expected)
    assert len(heard) == 1 and re.search(said, heard[0])
    assert (store.root / "damaged" / f"{kind}-{path.name}").is_file()


def _forgetting(number: int) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        plain = json.loads(file.attrs["spec"])
        plain["forget"][-1] = number
        file.attrs["spec"] = json.dumps(plain)
        for name in ("samples", "forget"):
            file[name][-1] = number

    return harm


@pytest.mark.parametrize("harm", [_numbered("predictions/ga", 99), _forgetting(120)])
def test_a_study_of_what_the_dataset_lacks_is_set_aside_with_a_sentence(
    harm: Callable[[h5py.File], None], again: Pipeline, made: Study
) -> None:
    change(again.store.path("studies", made.key), harm)
    again.dataset(again.spec_under(made.key).data, Reporter())
    with pytest.raises(EngineError, match="damaged and was set aside; run it again"):
        again.study(made.key)


def test_epochs_of_what_the_dataset_lacks_are_not_replayed(
    pipeline: Pipeline, spec: RunSpec
) -> None:
    pipeline.run(spec, Reporter(), watch=True)
    assert pipeline.epochs(spec, "ga", Reporter()).views
    (key,) = pipeline.store.keys("epochs")
    change(pipeline.store.path("epochs", key), _numbered("predictions", 99))
    with pytest.raises(SpecError, match="Record epochs runs it once more"):
        pipeline.epochs(spec, "ga", Reporter())


def test_what_lies_behind_the_draws_of_a_cell_is_no_class(
    pipeline: Pipeline, again: Pipeline, heard: list[str], spec: RunSpec
) -> None:
    sparing = replace(spec, probe=replace(spec.probe, adaptive=100.0, draws=40))
    made = pipeline.run(sparing, Reporter())
    drawn = made.residual.drawn
    assert drawn is not None and drawn.min() < 40  # so that some numbers are no class
    again.dataset(sparing.data, Reporter())
    assert again.study(made.key).residual.draws == 40
    change(pipeline.store.path("studies", made.key), _numbered("predictions/ga", 99, 0))
    with pytest.raises(EngineError, match="damaged and was set aside"):
        again.study(made.key)
    assert "number 99" in heard[0]


def test_a_bundle_brings_no_class_that_its_dataset_lacks(
    pipeline: Pipeline, made: Study, spec: RunSpec, tmp_path: Path
) -> None:
    expected = _slice(pipeline, spec)
    (key,) = pipeline.store.keys("slices")
    change(pipeline.store.path("slices", key), _numbered("predictions/ga", 99))
    sent = pipeline.save_bundle(made, tmp_path / "s.rkx", {}, Reporter())
    heard: list[str] = []
    other = Pipeline(Store(tmp_path / "elsewhere", heard.append), "cpu")
    other.open_bundle(sent, Reporter())
    assert other.store.imported.has("slices", key)
    np.testing.assert_equal(_slice(other, spec), expected)
    assert len(heard) == 1 and "number 99" in heard[0]


# -- bundles ----------------------------------------------------------------------------------


def test_a_bundle_never_names_a_file_that_would_be_run(pipeline: Pipeline, tmp_path: Path) -> None:
    trap, net = tmp_path / "trap", tmp_path / "net.py"
    net.write_text(
        f"import pathlib, torch\npathlib.Path({str(trap)!r}).touch()\n"
        "def make(shape, n_classes):\n    return torch.nn.Linear(shape[0], n_classes)\n"
    )
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    spec = pipeline.compose(
        iris, model=f"{net}:make", forget="class:1:3", methods=("ga",), training={"epochs": 1},
        retrains=1, draws=10,
    )  # fmt: skip
    sent = pipeline.save_bundle(pipeline.run(spec, Reporter()), tmp_path / "s.rkx", {}, Reporter())
    assert trap.exists()
    trap.unlink()
    network._module.cache_clear()
    other = Pipeline(Store(tmp_path / "elsewhere"), "cpu")
    key = other.open_bundle(sent, Reporter()).key
    theirs = other.spec_of(other.study(key))
    with pytest.raises(SpecError, match="If you trust that file"):
        other.neighborhood(theirs, 3, "", -1, Reporter())
    assert not trap.exists()
    assert compose.study_key(theirs) == key  # whoever names the file goes on with the same study


def test_a_bundle_with_a_study_that_does_not_fit_brings_nothing(
    pipeline: Pipeline, made: Study, tmp_path: Path
) -> None:
    sent = pipeline.save_bundle(made, tmp_path / "s.rkx", {}, Reporter())
    with h5py.File(sent, "a") as file:
        record = file[f"records/studies/{made.key}"]
        del record["counts/ga"]
        record.attrs.pop(hdf5.HASH, None)
    store = Store(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="lacks the counts of a model"):
        bundle.open_bundle(store, sent, Reporter())
    assert not list(store.root.rglob("*.h5"))


# -- checkpoints ------------------------------------------------------------------------------


class _Payload:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("option", ["--original", "--retrain", "--unlearned"])
def test_weights_with_code_in_them_are_refused_by_the_command_line(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trap, file = tmp_path / "trap", tmp_path / "evil.pt"
    file.write_bytes(pickle.dumps({"state_dict": _Payload(trap)}))
    given = f"x={file}" if option == "--unlearned" else str(file)
    assert main(["run", "--dataset", "iris", option, given]) == 2
    assert "not a checkpoint of weights only" in capsys.readouterr().err
    assert not trap.exists()
    pickle.loads(file.read_bytes())
    assert trap.exists()  # what would have happened


# -- images and lists -------------------------------------------------------------------------


def _png(width: int, height: int) -> bytes:
    """The head of a PNG that claims this size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 60_000])  # of the smaller one, Pillow only warns
def test_an_image_of_too_many_pixels_is_not_unpacked(side: int, tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(_png(side, side))
    with pytest.raises(DataError, match="million pixels"):
        images.decode(path, 8)


def test_an_image_whose_decoder_stumbles_is_called_broken(tmp_path: Path) -> None:
    path = tmp_path / "odd.tif"
    Image.new("RGB", (12, 9)).save(path)
    content = bytearray(path.read_bytes())
    entry = content.index(struct.pack("<HHI", 273, 4, 1))  # where its strip of pixels begins
    content[entry + 2 : entry + 12] = struct.pack("<HII", 5, 1, 8)  # a fraction, says the file
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged or not in a"):
        images.decode(path, 8)


def test_an_image_of_too_many_bytes_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.write(_png(8, 8))
        file.truncate(images.MAX_BYTES + 1)
    for read in (images.size_of, lambda one: images.decode(one, 8)):
        with pytest.raises(DataError, match="MiB; the limit is 256 MiB"):
            read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes among its files")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.png"
    os.mkfifo(path)
    with pytest.raises(DataError, match="it is a pipe"):
        images.decode(path, 8)
    with pytest.raises(SpecError, match="it is a pipe"):
        read_indices(path)


# -- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a\nb", "\u202egnp.exe", "\x1b[2J", "\udcff", "", "x" * 300])
def test_a_class_name_that_cannot_be_shown_is_refused(name: str, pipeline: Pipeline) -> None:
    from dataclasses import replace

    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    assert check(replace(iris, classes=("../../x", "<script>", "$HOME"))).classes
    with pytest.raises(DataError, match="whose name cannot be displayed"):
        check(replace(iris, classes=(name, "b", "c")))


def test_joined_letters_are_a_name() -> None:
    assert schema.is_name("می\u200cخواهم")
    assert not schema.is_name("a\u2066b")


@pytest.mark.parametrize(
    "cell", ["=cmd()", "+1", "-1+1", "@x", "\t=1", "\r=1", " =1", "\n=1", "＝1"]
)
def test_no_cell_of_a_table_is_a_formula(cell: str, pipeline: Pipeline) -> None:
    sheet = csv_text(["name"], [[cell]])
    assert sheet.partition("\n")[2].lstrip('"').startswith("'")
    named = replace(pipeline.dataset(DataSpec("iris"), Reporter()), classes=(cell, "b", "c"))
    listed = index_table([0], replace(named, files=(cell,) * len(named)))
    assert listed.count(f"'{cell}") == 2


@pytest.mark.parametrize("path", ["a\0b.py:make", "\udcff\ud800.py:make"])
def test_a_path_that_is_none_is_refused_with_a_sentence(path: str) -> None:
    with pytest.raises(SpecError, match="Cannot read the network's file"):
        network.model_spec(path)
