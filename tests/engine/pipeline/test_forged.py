"""`rk-engine verify` names every file in which a number was changed and the hash forged."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.__main__ import main
from engine.errors import Cancelled
from engine.pipeline.bundled_data import record_of
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, PretrainSpec
from engine.storage import hdf5
from engine.storage.store import Store, read
from engine.study import command_line, compose
from engine.sweeps import reproduce
from engine.tables import table as tables
from engine.training import checkpoints
from engine.verification import Findings, examine, verify
from engine.verification.inspection import looked_at

WRITTEN = frozenset((  # what a run says of itself, which nothing can tell again
    "schema", "kind", "key", "complete", "created", "device", "versions", "threads", hdf5.HASH,
))  # fmt: skip
UNTOLD = frozenset((  # times, which differ from run to run
    *((kind, "seconds") for kind in (
        "counts", "embeddings", "epochs", "measures", "models", "neighborhoods", "places",
        "recognitions", "similarities", "slices",
    )), ("epochs", "training"),
))  # fmt: skip


class Stops(Reporter):
    """Cancels in the second epoch of gd."""

    def point(self, name: str, value: object) -> None:
        if name == "loss" and isinstance(value, tuple) and value[1] == 2:
            self.ended = True

    def check(self) -> None:
        if getattr(self, "ended", False):
            raise Cancelled


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a file of every kind, but for embeddings."""
    root = tmp_path_factory.mktemp("forged") / "store"
    pipeline, quiet = Pipeline(Store(root), "cpu"), Reporter()
    data = pipeline.dataset(DataSpec("iris"), quiet)
    spec = pipeline.compose(
        data, methods=("gd",), retrains=2, draws=10, training={"epochs": 3}, taus="0:0.4:3",
        measures=("relearn-epochs",),
    )  # fmt: skip
    spec = replace(spec, pretrain=PretrainSpec(data.spec, spec.train, 7))
    pipeline.run(spec, quiet, watch=True)
    sample = spec.forget[0]
    pipeline.neighborhood(spec, sample, "", -1.0, quiet)
    pipeline.slice(spec, sample, "random", -1.0, 5, quiet)
    pipeline.similarity(spec, "gd", "original", quiet)
    pipeline.recognition(spec, "gd", quiet)
    attacked = replace(spec.probe, perturbation="fgsm")
    pipeline.run(replace(spec, probe=attacked, measures=()), quiet)
    command_line.index_file(spec, pipeline.store)
    pipeline.find_data(compose.study_key(spec), "", quiet)
    pipeline.store.adopt(record_of(data))
    with contextlib.suppress(Cancelled):
        pipeline.run(replace(spec, seed=spec.seed + 1), Stops())
    pipeline.close()
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def other(value: object) -> object:
    """Another number, or text in which one is another; None where it holds none."""
    if isinstance(value, (bool, np.bool_)):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str) and value.startswith("{") and any(map(str.isdigit, value)):
        found = json.loads(value)
        return json.dumps(_other(found))
    return f"{value} 2" if isinstance(value, str) and value else None


def _other(found: object) -> object:
    """The first number in this is another."""
    if isinstance(found, dict):
        for name, value in found.items():
            if name != "fingerprint" and _other(value) != value:
                return {**found, name: _other(value)}
        return found
    if isinstance(found, list) and found:
        return [_other(found[0]), *found[1:]]
    number = isinstance(found, (int, float)) and not isinstance(found, bool) and found == found
    return found + 1 if number else found  # type: ignore[operator]


def changes(path: Path) -> Iterator[tuple[str, hdf5.GroupContent]]:
    """(what, the record with one number of it changed), for everything in a record."""
    record = read(path)
    for name, array in record.arrays.items():
        changed = np.array(array)
        if not changed.size:
            continue
        flat = changed.reshape(-1)
        place = int(np.flatnonzero(np.isfinite(flat))[-1]) if np.isfinite(flat).any() else 0
        flat[place] = 0.5 if not np.isfinite(flat[place]) else flat[place] + 1
        yield name, hdf5.GroupContent(record.attributes, {**record.arrays, name: changed})
    for name, value in record.attributes.items():
        changed_to = other(value) if name not in WRITTEN else None
        if name == "labels":
            changed_to = str(value).replace("Original", "Re-train")
        if name == "spec":  # of a dataset it says what cannot change a result
            found = json.loads(value)
            changed_to = json.dumps({**found, "seed": 7}) if "forget" in found else None
        if changed_to not in (None, value) and (path.parent.name, name) not in UNTOLD:
            yield name, hdf5.GroupContent({**record.attributes, name: changed_to}, record.arrays)


def forge(path: Path, group: hdf5.GroupContent) -> None:
    """Write a record with the hash that fits."""
    facts = {**group.attributes, hdf5.HASH: hdf5.digest(group)}
    hdf5.write(path, [("", hdf5.GroupContent(facts, group.arrays))])


def one_of_each(root: Path) -> list[Path]:
    folders = sorted(path for path in root.iterdir() if list(path.glob("*.h5")))
    return [sorted(folder.glob("*.h5"))[0] for folder in folders]


def test_a_sound_store_of_every_kind_has_nothing_wrong(made: Path) -> None:
    found = verify(Pipeline(Store(made), "cpu"), 50, 0, Reporter())
    assert found.wrong == []
    assert not found.lengthy
    assert {path.parent.name for path in made.rglob("*.*")} >= {
        "checkpoints", "counts", "datasets", "epochs", "forget", "measures", "models",
        "neighborhoods", "partial", "places", "recognitions", "similarities", "slices", "studies",
    }  # fmt: skip


def test_every_number_of_every_record_is_told_from_another(root: Path) -> None:
    pipeline, missed = Pipeline(Store(root), "cpu"), []
    for path in one_of_each(root):
        content = path.read_bytes()
        for what, group in changes(path):
            forge(path, group)
            with tempfile.TemporaryDirectory() as folder:
                look = looked_at(pipeline, False, Path(folder), 50, 0, Reporter())
                found = Findings()
                examine(look, path, found, True)
            if not any(path.name in sentence for sentence in found.wrong):
                missed.append((path.parent.name, what, found.remarks))
        path.write_bytes(content)
    assert missed == [], "\n".join(map(str, missed))


@pytest.mark.parametrize("kind", ["original", "gd", "pretrained", "partial"])
def test_one_changed_weight_with_a_forged_hash_is_named(root: Path, kind: str) -> None:
    folder = "partial" if kind == "partial" else "checkpoints"
    for path in sorted((root / folder).glob("*.pt")):
        content = torch.load(path, weights_only=True)
        facts = json.loads(content.get("facts", "{}"))
        if kind in ("partial", facts.get("model")):
            break
    state = content["model" if kind == "partial" else "state_dict"]
    next(iter(state.values())).view(-1)[0] += 0.01
    if facts:
        facts["weights"] = checkpoints.digest(state)
        content["facts"] = json.dumps(facts, sort_keys=True)
    del content["content"]
    torch.save({**content, "content": checkpoints.fingerprint(content)}, path)
    found = verify(Pipeline(Store(root), "cpu"), 50, 0, Reporter())
    assert any(path.name in sentence for sentence in found.wrong), found


def test_one_number_of_every_kind_is_named_at_once(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = []
    for path in one_of_each(root):
        _, group = next(changes(path))
        forge(path, group)
        changed.append(path)
    listed = next((root / "forget").glob("*.csv"))
    listed.write_text(listed.read_text().replace("index\n", "index\n0\n"))
    status = main(["verify", "--sample", "50", "--store", str(root), "--device", "cpu"])
    said = capsys.readouterr().out
    assert status == 1
    assert [
        path for path in [*changed, listed] if f"{path.parent.name}/{path.name}" not in said
    ] == []


@pytest.mark.parametrize("kind", ["studies", "slices", "measures", "similarities", "counts"])
def test_a_removed_hash_and_a_file_under_another_key_are_named(root: Path, kind: str) -> None:
    import h5py

    first, *_ = sorted((root / kind).glob("*.h5"))
    key = f"{0:020x}"
    record = read(first)
    forge(
        first.with_name(f"{key}.h5"),
        hdf5.GroupContent({**record.attributes, "key": key}, record.arrays),
    )
    with h5py.File(first, "a") as file:
        del file.attrs[hdf5.HASH]
    found = verify(Pipeline(Store(root), "cpu"), 50, 0, Reporter())
    assert any(f"{kind}/{first.name} is damaged: it carries no hash" in one for one in found.wrong)
    assert any(f"{kind}/{key}.h5" in one for one in found.wrong)


@pytest.mark.parametrize("part", ["xy/gd", "loss/gd", "predicted/original", "sample", "tau"])
def test_one_number_of_an_embedding_is_named(embedded: Path, part: str) -> None:
    (path,) = (embedded / "embeddings").glob("*.h5")
    content = path.read_bytes()
    forge(path, dict(changes(path))[part])
    pipeline = Pipeline(Store(embedded), "cpu")
    found = Findings()
    with tempfile.TemporaryDirectory() as folder:
        look = looked_at(pipeline, False, Path(folder), 50, 0, Reporter())
        examine(look, path, found, part == "xy/gd")
    pipeline.close()
    path.write_bytes(content)
    assert any(f"embeddings/{path.name}" in sentence for sentence in found.wrong), found


@pytest.fixture(scope="module")
def embedded(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the store with an embedding."""
    pytest.importorskip("umap")
    root = Path(shutil.copytree(made, tmp_path_factory.mktemp("embedded") / "store"))
    pipeline = Pipeline(Store(root), "cpu")
    key = next(one.key for one in pipeline.studies())
    pipeline.embed(pipeline.spec_under(key), ("original", "gd"), Reporter())
    pipeline.close()
    return root


def tabled(root: Path) -> Path:
    """The JSON of a table over two seeds, with its CSV beside it."""
    row = tables.row_of("gd", "GD", {"test_acc": [90.0, 92.5]})
    table = tables.Table("accuracies", "Accuracy", "method", (COLUMN,), (row,))
    report = tables.Report("small", "Small", False, (1, 2), "nowhere", (), (table,))
    pipeline = Pipeline(Store(root), "cpu")
    files = reproduce.save(report, root / "tables", pipeline)
    return next(path for path in files if path.suffix == ".json")


COLUMN = tables.Column("test_acc", "Test accuracy", "%")


@pytest.mark.parametrize(
    ("suffix", "number"), [(".json", "92.5"), (".json", "91.25"), (".csv", "1.25")]
)
def test_one_number_of_a_table_is_named(tmp_path: Path, suffix: str, number: str) -> None:
    root = tmp_path / "store"
    path = tabled(root).with_suffix(suffix)
    assert verify(Pipeline(Store(root), "cpu"), 0, 0, Reporter()).wrong == []
    assert number in path.read_text()
    path.write_text(path.read_text().replace(number, f"{float(number) + 1:g}", 1))
    found = verify(Pipeline(Store(root), "cpu"), 0, 0, Reporter())
    assert any("tables/small." in sentence for sentence in found.wrong)
