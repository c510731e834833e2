"""Studies whose answers are inferred along rays: audited, stored, and repeated where wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from engine.pipeline.pipeline import Pipeline
from engine.provenance import Audit
from engine.residual import audit, rays
from engine.results import Residual
from engine.runtime.progress import Reporter
from engine.spec import ASKED, INFERRED, DataSpec, RunSpec
from engine.storage import hdf5
from engine.storage.store import read
from engine.tables.study_text import study_json
from engine.verification import verify

NAMES = ["original", "retrain-0", "retrain-1", "gd"]


class Listener(Reporter):
    """Collects messages, and the progress."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: list[str] = []

    def on_log(self, message: str) -> None:
        self.logs.append(message)


def spec_of(pipeline: Pipeline, draws: int = 20, between: str = INFERRED) -> RunSpec:
    digits = pipeline.dataset(DataSpec("digits"), Reporter())
    return pipeline.compose(
        digits, model="cnn", methods=("gd",), forget="random:30", retrains=2, draws=draws,
        training={"epochs": 2}, taus="0:1.5:11", probe={"between": between},
    )  # fmt: skip


@pytest.fixture
def rash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are inferred wherever both ends of a span agree, and many of them are audited."""
    monkeypatch.setattr(rays, "BEND", -1e9)
    monkeypatch.setattr(rays, "SWING", -1e9)
    monkeypatch.setattr(audit, "SHARE", 0.2)


def records(pipeline: Pipeline, spec: RunSpec) -> dict[str, Any]:
    plan = pipeline.plan(spec)
    return {name: pipeline.store.get("counts", plan.counts(name)) for name in NAMES}


def test_a_study_says_how_many_inferred_answers_were_asked_anew(pipeline: Pipeline) -> None:
    spec, heard = spec_of(pipeline), Listener()
    study = pipeline.run(spec, heard)
    audits = study.residual.audits
    assert list(audits) == NAMES and not heard.logs
    assert all(one.asked > 0 and one.differed == 0 and not one.repeated for one in audits.values())
    shown = study_json(study)["residual_knowledge"]["models"]
    assert shown["gd"]["audit"] == {"asked": audits["gd"].asked, "differed": 0}
    assert pipeline.study(study.key).residual.audits == audits
    for name, record in records(pipeline, spec).items():
        assert Audit(**json.loads(record.attributes["audit"])) == audits[name]
    found = verify(pipeline, 3, 0, Reporter())
    assert not found.wrong


def test_more_draws_add_to_the_audit(pipeline: Pipeline) -> None:
    few = pipeline.run(spec_of(pipeline, 10), Reporter()).residual.audits
    more = pipeline.run(spec_of(pipeline, 40), Reporter()).residual.audits
    assert all(more[name].asked > few[name].asked for name in NAMES)


@pytest.mark.usefixtures("rash")
def test_a_model_with_a_wrong_answer_is_asked_about_every_copy(pipeline: Pipeline) -> None:
    heard = Listener()
    study = pipeline.run(spec_of(pipeline), heard)
    truth = pipeline.run(spec_of(pipeline, between=ASKED), Reporter()).residual
    assert truth.audits == {}
    audits = study.residual.audits
    repeated = [name for name in NAMES if audits[name].repeated]
    assert repeated and all(audits[name].differed > 0 for name in repeated)
    for name in repeated:
        assert np.array_equal(study.residual.predictions[name], truth.predictions[name])
        assert any(study.labels[name] in line and "every copy" in line for line in heard.logs)
    shown = study_json(study)["residual_knowledge"]["models"]["gd"]["audit"]
    assert shown["differed"] == audits["gd"].differed
    assert not verify(pipeline, 3, 0, Reporter()).wrong  # which recomputes as it was computed


def test_earlier_draws_are_repeated_and_later_ones_asked(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pipeline.run(spec_of(pipeline, 10), Reporter()).residual
    assert not any(one.repeated for one in first.audits.values())
    with monkeypatch.context() as patch:
        patch.setattr(rays, "BEND", -1e9)
        patch.setattr(rays, "SWING", -1e9)
        patch.setattr(audit, "SHARE", 0.2)
        second = pipeline.run(spec_of(pipeline, 20), Reporter()).residual
    assert all(second.audits[name].repeated for name in NAMES)

    def never(*given: Any) -> Any:
        raise AssertionError("it is inferred again")

    heard = Listener()
    monkeypatch.setattr(audit, "chosen", never)
    third = pipeline.run(spec_of(pipeline, 30), heard).residual
    assert third.audits == second.audits and not heard.logs
    truth = pipeline.run(spec_of(pipeline, 30, ASKED), Reporter()).residual
    assert all(np.array_equal(third.predictions[n], truth.predictions[n]) for n in NAMES)


# -- files ----------------------------------------------------------------------------------------


def change(path: Path, **facts: str | None) -> None:
    """Replace attributes of a record (None: remove), with a hash that fits."""
    record = read(path)
    attributes = {**record.attributes, **facts}
    attributes = {name: value for name, value in attributes.items() if value is not None}
    attributes[hdf5.HASH] = hdf5.digest(hdf5.GroupContent(attributes, record.arrays))
    hdf5.write(path, [("", hdf5.GroupContent(attributes, record.arrays))])


def test_records_of_earlier_versions_have_none(pipeline: Pipeline) -> None:
    spec = spec_of(pipeline, 10)
    study, plan = pipeline.run(spec, Reporter()), pipeline.plan(spec)
    change(pipeline.store.path("studies", study.key), audits=None)
    for name in NAMES:
        change(pipeline.store.path("counts", plan.counts(name)), audit=None)
    old = pipeline.study(study.key)
    assert old.residual.audits == {}
    assert study_json(old)["residual_knowledge"]["models"]["gd"]["audit"] is None
    more = pipeline.run(spec_of(pipeline, 20), Reporter()).residual
    assert isinstance(more, Residual) and set(more.audits) == set(NAMES)  # of what is new


INVALID = (
    '{"asked": 3}', "[1, 2]", '{"asked": 1, "differed": 2, "repeated": true}', '{"asked": -1}',
    '{"asked": 3, "differed": 0, "repeated": 1}', "null", '{"asked": 1e300, "differed": 0}',
)  # fmt: skip


def test_an_invalid_audit_sets_the_file_aside(pipeline: Pipeline) -> None:
    spec = spec_of(pipeline, 10)
    study = pipeline.run(spec, Reporter())
    paths = (
        (pipeline.store.path("counts", pipeline.plan(spec).counts("gd")), "audit", "{}"),
        (pipeline.store.path("studies", study.key), "audits", '{{"gd": {}}}'),
    )
    for path, attribute, around in paths:
        whole = path.read_bytes()
        for text in INVALID:
            path.write_bytes(whole)
            change(path, **{attribute: around.format(text)})
            with h5py.File(path) as file:
                assert text in file.attrs[attribute]
            assert pipeline.store.get(path.parent.name, path.stem) is None
            assert not path.exists()
