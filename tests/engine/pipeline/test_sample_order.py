"""What is the same however the files of a dataset are called, and so ordered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.datasets.base import Dataset
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, MethodSpec, RunSpec, key
from engine.storage.store import Store
from engine.study import compose

EACH = 24
CLASSES = ("ant", "bee", "cow")


def folder(root: Path, order: np.ndarray) -> Path:
    """Three classes of 24 + 4 images; `order` says which of them file 0, 1, 2 ... is."""
    rng = np.random.default_rng(3)
    for part, count in (("train", EACH), ("test", 4)):
        for label, name in enumerate(CLASSES):
            images = rng.integers(0, 160, (count, 8, 8, 3), np.uint8)
            images[:, 2 * label : 2 * label + 3] += 80
            (root / part / name).mkdir(parents=True)
            for number, image in enumerate(images[order[order < count]]):
                Image.fromarray(image).save(root / part / name / f"{number:03}.png")
    return root


class Place:
    """One folder of the images with a store of its own."""

    def __init__(self, root: Path, order: np.ndarray) -> None:
        self.pipeline = Pipeline(Store(root / "store"), "cpu")
        data = DataSpec("folder", str(folder(root / "images", order)))
        self.dataset: Dataset = self.pipeline.dataset(data, Reporter())

    def spec(self, forget: list[int], **more: object) -> RunSpec:
        fixed = {"model": "cnn", "methods": ["ssd"], "retrains": 1, "draws": 1, "taus": "0"}
        return self.pipeline.compose(self.dataset, forget=forget, **fixed, **more)  # type: ignore[arg-type]

    def weights(self, spec: RunSpec, name: str) -> Tensor:
        self.pipeline.work.model(self.pipeline.plan(spec), name, Reporter())
        state = self.pipeline.work.loaded(self.pipeline.plan(spec), name).state_dict()
        return torch.cat([value.flatten().double() for value in state.values()])

    def place_of(self, image: np.ndarray) -> int:
        return int(np.flatnonzero((self.dataset.train_x == image).all((1, 2, 3)))[0])


@pytest.mark.parametrize("batch", [128, 16])
def test_ssd_is_the_same_from_files_renamed_into_another_order(tmp_path: Path, batch: int) -> None:
    here = Place(tmp_path / "here", np.arange(EACH))
    there = Place(tmp_path / "there", np.random.default_rng(8).permutation(EACH))
    assert here.dataset.spec.fingerprint != there.dataset.spec.fingerprint
    forget = list(range(0, 30, 2))
    moved = [there.place_of(here.dataset.train_x[i]) for i in forget]
    assert moved != forget
    settings = {"train": {"epochs": 4}, "ssd": {"batch": batch, "alpha": 2}}
    own = here.spec(forget, settings=settings)
    original = here.weights(own, "original")
    state = here.pipeline.work.loaded(here.pipeline.plan(own), "original").state_dict()
    torch.save(state, tmp_path / "original.pt")
    given = {"original": tmp_path / "original.pt"}
    made = [
        place.weights(place.spec(chosen, settings=settings, weights=given), "ssd")
        for place, chosen in ((here, forget), (there, moved))
    ]
    assert torch.equal(*made)
    assert not torch.equal(made[0], original)  # it selected something


@pytest.mark.parametrize(
    ("name", "earlier"),
    [
        ("ssd", {"alpha": 10.0, "dampening": 1.0, "batch": 128}),
        (
            "salun",
            {
                "epochs": 10, "lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4, "batch": 256,
                "schedule": "constant", "clip": 0.0, "batch_norm": "train", "labels": "any",
                "share": 0.5,
            },
        ),
    ],
)  # fmt: skip
def test_a_study_of_before_the_order_could_be_chosen_was_made_in_stored_order(
    tmp_path: Path, name: str, earlier: dict[str, object]
) -> None:
    place = Place(tmp_path, np.arange(EACH))
    spec = place.spec([0, 1])
    plain = compose.as_plain(spec)
    plain["methods"] = [{"name": name, "config": earlier}]
    restored = compose.from_plain(plain)
    config = restored.methods[0].config
    assert config.order == "stored"
    assert key(MethodSpec(name, config)) == key({"name": name, "config": earlier})
    usual = compose.method_spec(place.dataset, name, {})
    assert usual.config.order == "shuffled"
    assert key(usual) != key(MethodSpec(name, config))
