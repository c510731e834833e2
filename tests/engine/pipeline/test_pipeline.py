from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from composed import compose
from needs import needs

from engine.errors import Cancelled, DataError, SpecError, TrainingError
from engine.metrics.base import cross_entropy
from engine.pipeline.pipeline import Pipeline
from engine.results import FORGET, PERTURBED, RETAIN, TEST, ModelResult, Residual
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.storage.store import Store
from engine.study import compose as study

NAMES = ["original", "retrain-0", "retrain-1", "rurk", "gd"]


class Listener(Reporter):
    """Collects what is reported; `act` may cancel at a chosen moment."""

    def __init__(self, act: Callable[[Listener], None] | None = None) -> None:
        super().__init__()
        self.points: list[tuple[str, Any]] = []
        self.logs: list[str] = []
        self.advances = 0
        self._act = act

    def on_point(self, channel: str, data: Any) -> None:
        self.points.append((channel, data))

    def on_log(self, message: str) -> None:
        self.logs.append(message)

    def advance(self, units: float) -> None:
        self.advances += 1
        if self._act:
            self._act(self)
        super().advance(units)

    def of(self, channel: str) -> list[Any]:
        return [data for name, data in self.points if name == channel]


def weights(pipeline: Pipeline, spec: RunSpec, name: str) -> torch.Tensor:
    model = pipeline.work.loaded(pipeline.plan(spec), name)
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_a_study_reports_models_losses_and_a_curve_that_is_refined(pipeline: Pipeline) -> None:
    heard = Listener()
    spec = compose(pipeline, draws=60)
    found = pipeline.run(spec, heard)
    models = heard.of("model")
    assert [one.name for one in models] == NAMES
    assert all(isinstance(one, ModelResult) for one in models)
    assert [epoch for name, epoch, _ in heard.of("loss") if name == "original"] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]
    curves = heard.of("residual")
    assert [one.draws for one in curves] == [10, 40, 60]
    assert isinstance(curves[-1], Residual)
    assert set(found.metrics) == {"original", "retrain", "rurk", "gd"}
    assert set(found.residual.curves) == {"original", "rurk", "gd"}
    assert found.residual.counts["gd"].shape == (7, 11)


def test_the_counts_are_those_of_a_plain_loop_over_the_stored_models(pipeline: Pipeline) -> None:
    from engine.residual.neighborhood import copies_of

    spec = compose(pipeline)
    found = pipeline.run(spec, Reporter())
    iris = pipeline.dataset(spec.data, Reporter())
    for t in (0, 4, 10):
        for row, sample in enumerate(spec.forget):
            one, y = pipeline.work.datasets.sample(iris, sample), iris.label_of(sample)
            copies = copies_of(one, spec.probe, spec.probe.taus[t], 3, None)
            for name in ("original", "retrain-1", "gd"):
                with torch.inference_mode():
                    called = pipeline.work.loaded(pipeline.plan(spec), name)(copies).argmax(1)
                assert int((called == y).sum()) == found.residual.counts[name][row, t]


def test_the_metrics_are_the_accuracies_of_the_models(pipeline: Pipeline) -> None:
    spec = compose(pipeline)
    found = pipeline.run(spec, Reporter())
    iris = pipeline.dataset(spec.data, Reporter())
    forget = list(spec.forget)

    def share(name: str, x: np.ndarray, y: np.ndarray) -> float:
        with torch.inference_mode():
            model, shown = pipeline.work.loaded(pipeline.plan(spec), name), torch.from_numpy(x)
            called = model(shown.to(pipeline.work.device)).argmax(1).cpu().numpy()
        return float(100 * (called == y).mean())

    kept = np.setdiff1d(np.arange(120), forget)
    row = found.metrics["gd"]
    assert row["retain_acc"] == pytest.approx(share("gd", iris.train_x[kept], iris.train_y[kept]))
    expected = 100 - share("gd", iris.train_x[forget], iris.train_y[forget])
    assert row["unlearn_acc"] == pytest.approx(expected)
    both = [share(f"retrain-{j}", iris.test_x, iris.test_y) for j in range(2)]
    assert found.metrics["retrain"]["test_acc"] == pytest.approx(np.mean(both))


def test_the_same_study_is_never_computed_twice(pipeline: Pipeline) -> None:
    spec = compose(pipeline)
    first = pipeline.run(spec, Reporter())
    again = Listener()
    second = pipeline.run(spec, again)
    assert again.advances == 0
    assert second.metrics == first.metrics
    assert second.created == first.created
    for name in first.residual.counts:
        assert (second.residual.counts[name] == first.residual.counts[name]).all()
    assert [one.name for one in again.of("model")] == [
        "original",
        "retrain-0",
        "retrain-1",
        "rurk",
        "gd",
    ]


def test_another_method_or_more_draws_reuse_what_is_known(pipeline: Pipeline) -> None:
    few = pipeline.run(compose(pipeline, draws=20), Reporter())
    stored = set((pipeline.store.root / "checkpoints").iterdir())
    more = pipeline.run(compose(pipeline, draws=40), Reporter())
    assert set((pipeline.store.root / "checkpoints").iterdir()) == stored
    assert (more.residual.predictions["gd"][:, :, :20] == few.residual.predictions["gd"]).all()
    pipeline.run(compose(pipeline, draws=20, methods=("rurk", "gd", "ga")), Reporter())
    assert len(set((pipeline.store.root / "checkpoints").iterdir()) - stored) == 1


def test_same_seed_same_result_in_another_store_and_another_seed_differs(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    spec = compose(pipeline)
    here = pipeline.run(spec, Reporter())
    torch.manual_seed(99)
    other = Pipeline(Store(tmp_path / "other"))
    there = other.run(compose(other), Reporter())
    assert torch.equal(weights(pipeline, spec, "rurk"), weights(other, spec, "rurk"))
    for name, counts in here.residual.counts.items():
        assert (counts == there.residual.counts[name]).all()
    changed = other.run(compose(other, seed=42), Reporter())
    assert changed.key != here.key
    assert not torch.equal(
        weights(pipeline, spec, "original"), weights(other, compose(other, seed=42), "original")
    )


def test_retrains_have_seeds_of_their_own_and_never_see_the_forget_set(pipeline: Pipeline) -> None:
    spec = compose(pipeline)
    pipeline.run(spec, Reporter())
    assert not torch.equal(
        weights(pipeline, spec, "retrain-0"), weights(pipeline, spec, "retrain-1")
    )
    keys = study.model_keys(spec)
    other = replace(spec, forget=(0, 1))
    assert study.model_keys(other)["original"] == keys["original"]
    assert study.model_keys(other)["retrain-0"] != keys["retrain-0"]


def test_cancel_takes_effect_at_the_next_batch_and_the_run_resumes_bit_for_bit(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    spec = compose(pipeline, methods=("gd",))

    def stop(heard: Listener) -> None:
        if heard.advances == 3:
            heard.cancel()

    stopped = Listener(stop)
    with pytest.raises(Cancelled):
        pipeline.run(spec, stopped)
    assert stopped.advances == 3  # one batch of 120 an epoch: stopped in the third
    partial = list((pipeline.store.root / "partial").iterdir())
    assert len(partial) == 1
    resumed = Listener()
    found = pipeline.run(spec, resumed)
    assert not list((pipeline.store.root / "partial").iterdir())
    straight = Pipeline(Store(tmp_path / "straight"))
    expected = straight.run(compose(straight, methods=("gd",)), Reporter())
    for name in study.model_keys(spec):
        assert torch.equal(weights(pipeline, spec, name), weights(straight, spec, name))
    for name, counts in expected.residual.counts.items():
        assert (counts == found.residual.counts[name]).all()
    losses = [loss for name, _, loss in resumed.of("loss") if name == "original"]
    assert len(losses) == 6


def test_a_cancelled_measurement_keeps_its_first_draws(pipeline: Pipeline) -> None:
    spec = compose(pipeline, methods=("gd",))

    def stop(heard: Listener) -> None:
        if heard.of("residual"):
            heard.cancel()

    with pytest.raises(Cancelled):
        pipeline.run(spec, Listener(stop))
    kept = [pipeline.store.get("counts", key) for key in pipeline.store.keys("counts")]
    assert [one.attributes["draws"] for one in kept if one is not None] == [10] * 4


def test_a_loss_that_is_no_number_stops_with_a_sentence_and_keeps_the_rest(
    pipeline: Pipeline,
) -> None:
    spec = compose(
        pipeline, methods=("ga",), settings={"ga": {"lr": 100, "clip": 0, "epochs": 400}}
    )
    with pytest.raises(TrainingError, match=r"loss of ga became .* Lower its learning rate"):
        pipeline.run(spec, Reporter())
    assert {"original", "retrain-0", "retrain-1"} <= set(pipeline.models(spec))


def test_a_damaged_file_costs_one_result(pipeline: Pipeline) -> None:
    said: list[str] = []
    pipeline.store._say = said.append
    spec = compose(pipeline)
    first = pipeline.run(spec, Reporter())
    for path in (
        pipeline.store.path("studies", first.key),
        pipeline.store.path("checkpoints", study.model_keys(spec)["gd"], ".pt"),
    ):
        path.write_bytes(b"damaged")
    fresh = Pipeline(pipeline.store)
    second = fresh.run(spec, Reporter())
    assert (second.residual.counts["gd"] == first.residual.counts["gd"]).all()
    near = fresh.neighborhood(spec, spec.forget[0], "", -1, Reporter())
    assert set(near.counts) == set(study.model_keys(spec))
    assert len(said) == 2
    assert all("set aside" in one or "recomputed" in one for one in said)


def test_data_that_changed_since_the_study_are_refused(pipeline: Pipeline) -> None:
    spec = compose(pipeline)
    with pytest.raises(DataError, match="not those this study was made with"):
        pipeline.run(replace(spec, data=replace(spec.data, fingerprint="0" * 20)), Reporter())


def test_the_neighborhood_of_a_forget_sample_agrees_with_the_curve(pipeline: Pipeline) -> None:
    spec = compose(pipeline)
    found = pipeline.run(spec, Reporter())
    sample, tau = spec.forget[2], spec.probe.taus[5]
    near = pipeline.neighborhood(spec, sample, "", tau, Reporter())
    assert near.copies.shape == (30, 4)
    for name, count in near.counts.items():
        assert count == found.residual.counts[name][2, 5]
        assert near.predictions[name].shape == near.confidence[name].shape == (30,)
    other = pipeline.neighborhood(spec, 0, "linf", 0.05, Reporter())
    assert np.abs(other.copies - pipeline.dataset(spec.data, Reporter()).train_x[0]).max() <= 0.0501
    with pytest.raises(SpecError, match="There is no sample"):
        pipeline.neighborhood(spec, 10_000, "", -1, Reporter())


@needs("torchattacks")
def test_the_neighborhood_of_an_attack_belongs_to_the_model_attacked(pipeline: Pipeline) -> None:
    attack: dict[str, Any] = {"perturbation": "fgsm", "taus": "0,0.2", "draws": 10}
    first = compose(pipeline, methods=("gd", "rurk"), **attack)
    other = compose(pipeline, methods=("rurk", "gd"), **attack)
    pipeline.run(first, Reporter())
    sample = first.forget[0]
    for spec in (first, other, first):
        pipeline.neighborhood(spec, sample, "", 0.2, Reporter())
    assert len(pipeline.store.keys("neighborhoods")) == 2


@needs("torchattacks")
def test_attacks_get_a_curve_and_references_of_their_own(pipeline: Pipeline) -> None:
    spec = compose(pipeline, perturbation="fgsm", taus="0,0.1", draws=10, methods=("gd",))
    found = pipeline.run(spec, Reporter())
    assert {"gd", "retrain-0", "retrain-0@gd", "retrain-1@retrain-0"} <= set(found.residual.counts)
    assert np.isfinite(found.residual.curves["gd"].mean).all()


def test_class_unlearning_is_said_and_undefined_where_nobody_recognizes(pipeline: Pipeline) -> None:
    heard = Listener()
    found = pipeline.run(compose(pipeline, forget="class:0", methods=("gd",)), heard)
    assert any("class setosa is retained" in one for one in heard.logs)
    assert found.residual.curves["gd"].undefined[0] == 40
    assert np.isnan(found.residual.curves["gd"].mean[0])


@needs("umap")
def test_the_embedding_holds_every_kind_of_point_and_is_seeded(pipeline: Pipeline) -> None:
    spec = compose(pipeline, methods=("gd",))
    pipeline.run(spec, Reporter())
    cloud = pipeline.embed(spec, ("gd", "original"), Reporter())
    kinds, counts = np.unique(cloud.kind, return_counts=True)
    assert kinds.tolist() == [RETAIN, FORGET, PERTURBED, TEST]
    steps = len([tau for tau in spec.probe.taus if tau > 0])
    assert counts.tolist() == [113, 7, 7 * min(steps, 5), 30]
    assert set(cloud.sample[cloud.kind == FORGET]) == set(spec.forget)
    assert cloud.sample[cloud.kind == TEST].tolist() == list(range(120, 150))
    assert all(np.isfinite(xy).all() for xy in cloud.xy.values())
    for path in (pipeline.store.root / "embeddings").iterdir():
        path.unlink()
    again = pipeline.embed(spec, ("original", "gd"), Reporter())
    assert again.models == cloud.models == ("original", "gd")
    assert all((again.xy[name] == cloud.xy[name]).all() for name in cloud.models)
    pipeline.embedder.close()
    stored = pipeline.embed(spec, ("gd", "original"), Reporter())  # from the store alone
    assert all((stored.xy[name] == cloud.xy[name]).all() for name in cloud.models)
    with pytest.raises(SpecError, match="no model 'scrub'"):
        pipeline.embed(spec, ("original", "scrub"), Reporter())


@needs("umap")
def test_an_embedding_says_what_each_model_makes_of_its_points(pipeline: Pipeline) -> None:
    spec = compose(pipeline, methods=("gd",))
    found = pipeline.run(spec, Reporter())
    cloud = pipeline.embed(spec, ("original", "gd"), Reporter())
    result = pipeline.models(spec)["gd"]
    logits = np.concatenate([result.train_logits, result.test_logits])
    own = cloud.kind != PERTURBED
    assert (cloud.predicted["gd"][own] == logits.argmax(1)[cloud.sample[own]]).all()
    expected = cross_entropy(logits, _labels(pipeline, spec))
    assert cloud.loss["gd"][own] == pytest.approx(expected[cloud.sample[own]], abs=1e-4)
    first = found.residual.predictions["gd"][:, :, 0]  # the trails follow the first draw
    taus, samples = list(found.residual.taus), found.residual.samples.tolist()
    for row in np.flatnonzero(cloud.kind == PERTURBED):
        place = samples.index(cloud.sample[row]), taus.index(cloud.tau[row])
        assert cloud.predicted["gd"][row] == first[place]


@needs("umap")
def test_what_decides_an_embedding_is_in_its_key(pipeline: Pipeline) -> None:
    spec = compose(pipeline, methods=("gd",))
    pipeline.run(spec, Reporter())
    pair = ("original", "gd")
    folder = pipeline.store.root / "embeddings"
    pipeline.embed(spec, pair, Reporter())
    more = replace(spec, probe=replace(spec.probe, draws=20))  # more draws change no point
    pipeline.embed(more, pair, Reporter())
    assert len(list(folder.iterdir())) == 1
    further = replace(spec, probe=replace(spec.probe, taus=(0.0, 0.3)))
    pipeline.embed(further, pair, Reporter())
    pipeline.embed(spec, ("original", "retrain-0"), Reporter())
    pipeline.embed(spec, ("original",), Reporter())
    assert len(list(folder.iterdir())) == 4


def _labels(pipeline: Pipeline, spec: RunSpec) -> np.ndarray:
    return pipeline.dataset(spec.data, Reporter()).labels


def test_an_exported_checkpoint_carries_its_spec_and_is_plain(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    spec = compose(pipeline)
    pipeline.run(spec, Reporter())
    out = pipeline.export_checkpoint(spec, "rurk", tmp_path / "rurk.pt")
    content = torch.load(out, weights_only=True)
    own = pipeline.work.loaded(pipeline.plan(spec), "rurk").state_dict()
    for name, value in content["state_dict"].items():
        assert value.device.type == "cpu" and torch.equal(value, own[name].cpu())
    assert study.model_keys(spec)["rurk"] in content["facts"]
    with pytest.raises(SpecError, match="no model 'scrub'"):
        pipeline.export_checkpoint(spec, "scrub", tmp_path / "x.pt")


def test_a_stored_study_can_be_listed_and_run_again_from_its_spec(pipeline: Pipeline) -> None:
    spec = compose(pipeline)
    found = pipeline.run(spec, Reporter())
    (line,) = pipeline.studies()
    assert (line.key, line.dataset, line.forget, line.methods) == (
        found.key,
        "iris",
        7,
        ("rurk", "gd"),
    )
    opened = pipeline.study(found.key[:6])
    assert study.study_key(pipeline.spec_of(opened)) == found.key
    assert pipeline.spec_of(opened) == spec
    assert opened.residual.worst_sample() in spec.forget


def test_the_store_is_plain_hdf5_with_specs_and_versions(pipeline: Pipeline) -> None:
    found = pipeline.run(compose(pipeline), Reporter())
    with h5py.File(pipeline.store.path("studies", found.key)) as file:
        assert file["counts/gd"][()].tolist() == found.residual.counts["gd"].tolist()
        assert file["curves/gd/mean"].shape == (11,)
        assert {"spec", "versions", "device", "seed", "seconds", "created"} <= set(file.attrs)
