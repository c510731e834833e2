"""What came from elsewhere is marked for good, and computes nothing of one's own unless asked."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from engine.__main__ import main
from engine.pipeline import bundle
from engine.pipeline.pipeline import Pipeline
from engine.provenance import Origin
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec, as_imported
from engine.storage import hdf5
from engine.storage.origins import MOST, ORIGIN_ATTRIBUTE, origins_of, with_origin
from engine.storage.store import Store, read
from engine.study import compose
from engine.training import checkpoints
from engine.verification import verify


def composed(pipeline: Pipeline, *methods: str) -> RunSpec:
    data = pipeline.dataset(DataSpec("iris"), Reporter())
    return pipeline.compose(
        data, methods=methods, retrains=2, draws=10, training={"epochs": 3}, taus="0:0.4:3"
    )


@pytest.fixture
def foreign_store(tmp_path: Path) -> Pipeline:
    return Pipeline(Store(tmp_path / "theirs"), "cpu")


def planted(foreign_store: Pipeline, tmp_path: Path) -> Path:
    """A bundle with other weights and outputs under the key of the Original."""
    spec = composed(foreign_store, "gd")
    one = foreign_store.run(spec, Reporter())
    key = compose.original_key(spec)
    path = foreign_store.store.path("checkpoints", key, ".pt")
    net = foreign_store.work.loaded(foreign_store.plan(spec), "original")
    with torch.no_grad():
        for weights in net.parameters():
            weights.zero_()
        weights[2] = 1.0  # bias of the last layer: every sample gets class 2
    _, facts = checkpoints.load(path)
    checkpoints.save(path, net, facts, foreign_store.store.replacing)
    record = read(foreign_store.store.path("models", key))
    arrays = {name: np.zeros_like(array) for name, array in record.arrays.items()}
    foreign_store.store.adopt(type(record)("models", key, record.attributes, arrays))
    return foreign_store.save_bundle(one, tmp_path / "gift.rkx", {}, Reporter())


@pytest.fixture
def gift(foreign_store: Pipeline, tmp_path: Path) -> Path:
    return planted(foreign_store, tmp_path)


def test_imported_models_are_not_used_for_own_results(
    pipeline: Pipeline, gift: Path, tmp_path: Path
) -> None:
    honest = Pipeline(Store(tmp_path / "honest"), "cpu")
    expected = honest.run(composed(honest, "ga"), Reporter())
    pipeline.open_bundle(gift, Reporter())
    found = pipeline.run(composed(pipeline, "ga"), Reporter())
    for name, row in expected.metrics.items():
        assert row["unlearn_acc"] == found.metrics[name]["unlearn_acc"]
    for name, counts in expected.residual.counts.items():
        np.testing.assert_array_equal(found.residual.counts[name], counts)
    assert found.origins == ()


def test_imported_models_are_used_on_request_and_marked(pipeline: Pipeline, gift: Path) -> None:
    pipeline.open_bundle(gift, Reporter())
    spec = as_imported(composed(pipeline, "ga"))
    found = pipeline.run(spec, Reporter())
    assert not pipeline.models(spec)["original"].train_logits.any()
    assert found.origins
    assert pipeline.store.keys("studies") == []


def test_an_imported_study_is_shown_unchanged(pipeline: Pipeline, gift: Path) -> None:
    opened = pipeline.open_bundle(gift, Reporter())
    later = Pipeline(Store(pipeline.store.root), "cpu")  # a new process
    one = later.study(opened.key)
    spec = later.spec_of(one)
    assert spec.imported and later.spec_under(opened.key).imported
    assert not later.models(spec)["original"].train_logits.any()
    near = later.neighborhood(spec, spec.forget[0], "", -1.0, Reporter())
    assert set(near.predictions["original"].tolist()) == {2}
    (path,) = (later.store.root / "imported" / "neighborhoods").glob("*.h5")
    assert origins_of(read(path).attributes)[0].source.startswith("computed here")
    assert not list(later.store.root.glob("*/*.h5"))  # nothing is in the main store


def test_every_imported_file_states_its_origin(pipeline: Pipeline, gift: Path) -> None:
    pipeline.open_bundle(gift, Reporter())
    root = pipeline.store.root / "imported"
    records = list(root.glob("*/*.h5"))
    assert {path.parent.name for path in records} >= {"studies", "models", "counts", "datasets"}
    for path in records:
        (step,) = origins_of(read(path).attributes)
        assert step.source == "gift.rkx" and len(step.digest) == 20
    for path in root.glob("checkpoints/*.pt"):
        known = read(root / "origins" / f"{path.stem}.h5")
        assert known.attributes["digest"] == bundle.digest_of(path.read_bytes())


def test_the_origin_survives_and_grows_with_the_next_bundle(
    pipeline: Pipeline, gift: Path, tmp_path: Path
) -> None:
    opened = pipeline.open_bundle(gift, Reporter())
    one = pipeline.study(opened.key)
    again = pipeline.save_bundle(one, tmp_path / "again.rkx", {}, Reporter())
    third = Pipeline(Store(tmp_path / "third"), "cpu")
    third.open_bundle(again, Reporter())
    way = third.study(opened.key).origins
    assert [step.source for step in way] == ["gift.rkx", "again.rkx"]


def test_removing_the_origin_is_detected(pipeline: Pipeline, gift: Path) -> None:
    opened = pipeline.open_bundle(gift, Reporter())
    path = pipeline.store.imported.path("studies", opened.key)
    with h5py.File(path, "a") as file:
        del file.attrs[ORIGIN_ATTRIBUTE]
    with pytest.raises(KeyError, match="does not match its hash"):
        read(path)


def test_an_imported_record_in_the_main_store_is_not_used(
    pipeline: Pipeline, gift: Path, tmp_path: Path
) -> None:
    opened = pipeline.open_bundle(gift, Reporter())
    root = pipeline.store.root
    for path in list(root.glob("imported/*/*")):
        target = root / path.relative_to(root / "imported")
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
    heard: list[str] = []
    mine = Pipeline(Store(root, heard.append), "cpu")
    found = mine.run(composed(mine, "ga"), Reporter())
    assert found.origins == () and mine.models(composed(mine, "ga"))["original"].train_logits.any()
    assert any("was not computed in this store" in one for one in heard)
    assert opened.key not in [one.key for one in mine.studies()]


def test_the_origin_is_shown_with_the_study(
    pipeline: Pipeline, gift: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = pipeline.open_bundle(gift, Reporter())
    store = ("--store", str(pipeline.store.root))
    assert main(["ls", *store]) == 0
    assert "imported: gift.rkx (" in capsys.readouterr().out
    assert main(["table", opened.key, *store]) == 0
    assert "imported: gift.rkx (" in capsys.readouterr().out
    out = tmp_path / "figure.svg"
    assert main(["figure", opened.key, "--kind", "curves", "--out", str(out), *store]) == 0
    assert "imported: gift.rkx (" in out.with_suffix(".csv").read_text()
    page = tmp_path / "page.html"
    assert main(["report", opened.key, "--out", str(page), *store]) == 0
    assert "imported: gift.rkx (" in page.read_text()
    assert pipeline.provenance(opened.key).origins[0].source == "gift.rkx"


def test_an_own_study_precedes_an_imported_one_of_its_key(pipeline: Pipeline, gift: Path) -> None:
    opened = pipeline.open_bundle(gift, Reporter())
    own: Study = pipeline.run(composed(pipeline, "gd"), Reporter())
    assert own.key == opened.key
    assert pipeline.study(own.key).origins == ()
    assert [one.key for one in pipeline.studies()] == [own.key]
    pipeline.delete_studies([own.key])
    assert pipeline.study(own.key).origins  # the import is still there
    pipeline.delete_studies([own.key])
    assert not pipeline.has_study(own.key)
    left = {path.parent.name for path in pipeline.store.root.rglob("*") if path.is_file()}
    assert left <= {"datasets", "locks"}


@pytest.mark.parametrize("text", ["", "[", "7", "[7]", '[{"source": 1}]', "[" * 5000])
def test_an_invalid_origin_is_unknown(text: str) -> None:
    (step,) = origins_of({ORIGIN_ATTRIBUTE: text})
    assert step.source == "an unknown place"


def test_a_long_history_is_shortened() -> None:
    facts: dict[str, object] = {}
    for number in range(3 * MOST):
        facts = with_origin(facts, Origin(f"{number}\x1b[2J", "", ""))
    way = origins_of(facts)
    assert len(way) == MOST and way[-1].source == f"{3 * MOST - 1}?[2J"
    assert hdf5.digest(hdf5.GroupContent(facts)) != hdf5.digest(hdf5.GroupContent({}))


def test_verify_lists_and_recomputes_imported_results(
    pipeline: Pipeline, gift: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = pipeline.open_bundle(gift, Reporter())
    store = ("--store", str(pipeline.store.root), "--device", "cpu")
    assert main(["verify", "--sample", "0", *store]) == 1  # outputs of other weights
    said = capsys.readouterr().out
    assert f"studies/{opened.key} was not computed here: imported: gift.rkx (" in said
    assert main(["verify", "--remake", *store]) == 1
    said = capsys.readouterr().out
    assert f"studies/{opened.key}" not in said  # whose numbers are correct for its models
    model = compose.original_key(composed(pipeline, "gd"))
    assert f"models/{model}.h5: " in said
    assert pipeline.study(opened.key).origins == ()


def test_a_correct_bundle_is_reproduced(
    pipeline: Pipeline, foreign_store: Pipeline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = foreign_store.run(composed(foreign_store, "gd"), Reporter())
    pipeline.open_bundle(
        foreign_store.save_bundle(one, tmp_path / "fair.rkx", {}, Reporter()), Reporter()
    )
    store = ("--store", str(pipeline.store.root), "--device", "cpu")
    assert main(["verify", *store]) == 0
    assert main(["verify", "--remake", *store]) == 0
    assert "1 results recomputed: nothing is wrong." in capsys.readouterr().out


def test_a_file_moved_between_the_stores_is_reported(pipeline: Pipeline, gift: Path) -> None:
    pipeline.open_bundle(gift, Reporter())
    root = pipeline.store.root
    theirs = next((root / "imported" / "counts").glob("*.h5"))
    (root / "counts").mkdir(exist_ok=True)
    mine = theirs.rename(root / "counts" / theirs.name)
    found = verify(pipeline, 0, 0, Reporter())
    assert any(
        mine.name in one and "lies among results computed here" in one for one in found.wrong
    )
