"""The study form: what Run would start, as set in the toolbar and dialogs. Plain data, no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.spec import RunSpec, to_plain


@dataclass(frozen=True)
class StudyForm:
    """The study that Run would start. Text is parsed only on Run."""

    dataset: str = "digits"
    root: str = ""
    side: int = 0
    channels: str = "rgb"  # how image files are read: "rgb" or "gray"
    validation: float = 0.0  # share of each training class that is held out
    # links out of an image folder: "refuse" or "follow"; never saved in a session
    links: str = "refuse"
    model: str = ""  # '' = the dataset's recommended model
    forget: str = ""  # a forget spec such as class:8:0.5; '' = the indices in AppState.forget
    methods: tuple[str, ...] = ("rurk", "gd", "ga")
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # method -> changes
    training: Mapping[str, Any] = field(default_factory=dict)  # changes to the TrainSpec
    retrains: int = 3
    seed: int = 131
    perturbation: str = "gaussian"
    taus: str = ""  # '' = the dataset's own grid
    draws: int = 100
    probe: Mapping[str, Any] = field(default_factory=dict)  # other changes to the ProbeSpec
    # 'rurk.tau', 'train.lr', 'probe.steps', 'study.seed' -> several values: one study for each
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    # model name ('original', 'retrain-0', or any) -> file with externally trained weights
    weights: Mapping[str, str] = field(default_factory=dict)
    watch: bool = True  # whether methods are probed after each of their epochs


def form_of(spec: RunSpec, form: StudyForm) -> StudyForm:
    """The form that describes the study `spec`."""
    plain: Mapping[str, Any] = to_plain(spec)
    probe = dict(plain["probe"])
    taus = ",".join(f"{tau:.10g}" for tau in spec.probe.taus)
    own = ("perturbation", "taus", "draws", "seed")
    return replace(
        form,
        dataset=spec.data.name,
        root=spec.data.root,
        side=spec.data.side,
        channels=spec.data.channels,
        validation=spec.data.validation,
        model=spec.model.name,
        forget="",
        methods=tuple(method.name for method in spec.methods),
        settings={method["name"]: method["config"] for method in plain["methods"]},
        training=plain["train"],
        retrains=spec.retrains,
        seed=spec.seed,
        perturbation=spec.probe.perturbation,
        taus=taus,
        draws=spec.probe.draws,
        probe={name: value for name, value in probe.items() if name not in own},
        weights={weights.name: weights.path for weights in spec.foreign},
    )
