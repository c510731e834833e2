"""The study form: what Run would start, as set in the toolbar and dialogs. Plain data, no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class StudyForm:
    """The study that Run would start, by default the example. Text is parsed only on Run."""

    dataset: str = "fashion"
    root: str = ""
    side: int = 0
    channels: str = "rgb"  # how image files are read: "rgb" or "gray"
    validation: float = 0.0  # share of each training class that is held out
    columns: str = ""  # roles of a table's columns: label=diagnosis,group=patient
    test_share: float = 0.2  # of the rows of a table
    encoder: str = ""  # folder of a model that encodes messages; '' = hashed TF-IDF
    # links out of an image folder: "refuse" or "follow"; never saved in a session
    links: str = "refuse"
    model: str = ""  # '' = the dataset's recommended model
    normalize: str = ""  # means/deviations of the network's input; '' = the data's, or its own
    forget: str = ""  # a forget spec such as class:8:0.5; '' = the indices in AppState.forget
    methods: tuple[str, ...] = ("rurk", "gd", "ga", "neggrad-plus")  # () = the dataset's own
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
