"""The specification of a study: frozen dataclasses whose fields carry unit, range and help.

Plug-ins import everything about settings from here: fields (`engine.fields`) and their form in
files (`engine.serialization`).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from engine.fields import (
    amend,
    choices_of,
    convert,
    field_kind,
    parse_settings,
    setting,
    setting_of,
    validate,
)
from engine.serialization import SCALARS, canonical, key, restored, to_plain
from engine.tau_grid import MAX_TAUS, check_taus, parse_taus

__all__ = [
    "ADAMW", "ASKED", "AUTO", "BFLOAT16", "FDR", "FLOAT32", "FOLDED", "FOLLOW", "GIVEN", "GRAY",
    "INFERRED", "MAX_DRAWS", "MAX_TAUS", "OWN", "PAPER_TAUS", "REFUSE", "RGB", "SCALARS", "SGD",
    "SHARED", "DataSpec", "ForeignSpec", "ImportedSpec", "MeasureSpec", "MethodSpec", "ModelSpec",
    "PretrainSpec", "ProbeSpec", "RunSpec", "SGDSpec", "TrainSpec", "amend", "as_imported",
    "canonical", "check_taus", "choices_of", "convert", "field_kind", "key", "parse_settings",
    "parse_taus", "restored", "setting", "setting_of", "to_plain", "validate",
]  # fmt: skip

PAPER_TAUS = (0.0, 0.0031, 0.0063, 0.0094, 0.0125, 0.0157, 0.0188, 0.0220, 0.0251, 0.0282, 0.0314)
MAX_DRAWS = 100_000
FDR = 0.05  # false discovery rate of verdicts
SGD, ADAMW = "sgd", "adamw"  # optimizers of training
FLOAT32, BFLOAT16, AUTO = "float32", "bfloat16", "auto"  # precision of training
OWN, SHARED = "own", "shared"  # random starts of attacks: per sample, or per batch
ASKED, INFERRED = "asked", "inferred"  # copies at intermediate norms of one draw
RGB, GRAY = "rgb", "gray"  # channels of image files
REFUSE, FOLLOW = "refuse", "follow"  # treatment of links that lead out of a data folder
GIVEN = "given"  # data and network of a study saved from Python: samples and answers alone
FOLDED = "folded"  # float32, batch norm folded into convolutions: faster, rounded differently


@dataclass(frozen=True)
class DataSpec:
    """The dataset; `fingerprint` identifies its content, wherever the files are."""

    name: str = setting(help="name of a registered dataset")
    root: str = setting(
        "", help="folder that contains the data, for datasets that need one", key=False
    )
    seed: int = setting(
        131, help="seed of the random split, for datasets that draw one", low=0, key=False
    )
    side: int = setting(
        0, help="height and width to which images are resized; 0 = the dataset's own size",
        unit="px", low=0, high=1024, key=False,
    )  # fmt: skip
    fingerprint: str = setting(
        "", help="hash of pixels, labels and the validation split; set when the data are loaded"
    )
    channels: str = setting(
        RGB, help="channels of image files: RGB or grayscale",
        choices=(RGB, GRAY), key=False,
    )  # fmt: skip
    validation: float = setting(
        0.0,
        help="share of each training class held out for validation, drawn by the seed; these "
        "samples are neither trained on, nor forgotten, nor tested on",
        low=0.0, high=0.9, key=False,
    )  # fmt: skip
    links: str = setting(
        REFUSE, help="links that lead out of an image folder",
        choices=(REFUSE, FOLLOW), key=False, once=True,
    )  # fmt: skip
    columns: str = setting(
        "", help="roles of the columns of a table: label=diagnosis,text=message,group=patient,"
        "split=part",
        key=False,
    )  # fmt: skip
    test_share: float = setting(
        0.2, help="share of each class that a table without a split column sets aside for testing",
        low=0.0, high=0.9, exclusive_low=True, key=False,
    )  # fmt: skip
    encoder: str = setting(
        "", help="folder of a sentence-transformers model that encodes messages; '' = hashed "
        "TF-IDF",
        key=False,
    )  # fmt: skip


@dataclass(frozen=True)
class SGDSpec:
    """Settings of the SGD loop, shared by training and every fine-tuning method."""

    epochs: int = setting(
        30, label="Epochs", help="epochs of training", unit="epochs", low=1, high=10_000
    )
    lr: float = setting(
        0.05, label="Learning rate", help="initial learning rate", low=0.0, high=100.0,
        exclusive_low=True,
    )  # fmt: skip
    momentum: float = setting(0.9, label="Momentum", help="SGD momentum", low=0.0, high=0.9999)
    weight_decay: float = setting(
        5e-4, label="Weight decay", help="weight decay (L2 penalty)", low=0.0, high=10.0
    )
    batch: int = setting(
        128, label="Batch size", help="samples per step", unit="samples", low=1, high=65_536
    )
    schedule: str = setting(
        "cosine",
        label="Learning rate schedule",
        help="learning rate schedule over all steps",
        choices=("cosine", "constant"),
        words={"cosine": "cosine: falls to 0", "constant": "constant"},
    )
    clip: float = setting(
        0.0, label="Gradient clipping", help="gradient clipping: largest L2 norm; 0 = no clipping",
        low=0.0, high=1e6,
    )  # fmt: skip


@dataclass(frozen=True)
class TrainSpec(SGDSpec):
    """Training from scratch; also the settings of every Re-train."""

    augment: str = setting(
        "none",
        label="Data augmentation",
        help="data augmentation; crop-flip: random shift by up to 4 px and horizontal flip",
        choices=("none", "crop-flip"),
        words={"none": "none", "crop-flip": "random shift and flip"},
    )
    retrain_epochs: int = setting(
        0, label="Epochs of Re-trains",
        help="epochs of every Re-train; 0 = as many as the Original", unit="epochs", low=0,
        high=10_000, key="changed",
    )  # fmt: skip
    precision: str = setting(
        FLOAT32,
        label="Number format",
        help="number format of matrix products and convolutions; auto (recommended for CIFAR-10 "
        "and small CIFAR-5) = bfloat16 for convolutional networks on hardware that supports it, "
        "else float32",
        choices=(FLOAT32, BFLOAT16, AUTO),
        words={AUTO: "automatic"},
        key="changed",
        expert=True,
    )
    optimizer: str = setting(
        SGD,
        label="Optimizer",
        help="what trains the Original and Re-trains: sgd (with momentum), or adamw (Adam with "
        "decoupled weight decay), usual for transformers; momentum is then the decay rate of its "
        "first moment",
        choices=(SGD, ADAMW),
        words={SGD: "SGD", ADAMW: "AdamW"},
        key="changed",
    )
    warmup: float = setting(
        0.0,
        label="Warm-up",
        help="share of all steps in which the learning rate first rises linearly; 0 = none",
        low=0.0, high=0.9, key="changed",
    )  # fmt: skip

    def of_retrain(self) -> TrainSpec:
        """The training settings of every Re-train."""
        return dataclasses.replace(self, epochs=self.retrain_epochs or self.epochs)


@dataclass(frozen=True)
class PretrainSpec:
    """Pre-training on other data, from which the Original and every Re-train start.

    If those data contain the forget set, every model has seen it, Re-trains included.
    """

    data: DataSpec
    train: TrainSpec
    seed: int = setting(131, help="seed of the pre-training, shared by all studies", low=0)


@dataclass(frozen=True)
class ModelSpec:
    """The network: a registered one, or one made by a function in a user's file."""

    name: str = setting(help="name of a registered model, or FILE.py:FUNCTION")
    normalize: str = setting(
        "", help="statistics that normalize the input; '' = those of the training set",
        key="changed",
    )  # fmt: skip
    source: str = setting("", help="hash of the source text of FILE.py", key="changed")
    path: str = setting("", help="path of FILE.py", key=False)


@dataclass(frozen=True)
class ForeignSpec:
    """Weights trained elsewhere; `digest` identifies them, wherever their file is."""

    name: str = setting(
        help="name of the model in the study: original, retrain-0, ... or any other"
    )
    digest: str = setting(help="hash of the tensors")
    path: str = setting("", help="file the weights were read from", key=False)
    head: str = setting(
        "", help="method whose last layer replaces the network's own in these weights",
        key="changed",
    )  # fmt: skip
    label: str = setting("", help="what people call the model; '' = its name", key=False)


@dataclass(frozen=True)
class MethodSpec:
    """An unlearning method with its settings (the method's own config dataclass)."""

    name: str
    config: Any


@dataclass(frozen=True)
class MeasureSpec:
    """A measure requested by name, with its settings (the measure's own config dataclass)."""

    name: str
    config: Any


@dataclass(frozen=True)
class ProbeSpec:
    """How samples are perturbed when residual knowledge is measured."""

    perturbation: str = setting(
        "gaussian", label="Perturbation", help="how copies of a sample are made"
    )
    taus: tuple[float, ...] = setting(
        PAPER_TAUS, label="Perturbation norms τ", help="perturbation norms", unit="pixel range"
    )
    draws: int = setting(
        100, label="Copies per sample and τ", help="perturbed copies per sample and tau (c)",
        low=1, high=MAX_DRAWS, key=False,
    )  # fmt: skip
    seed: int = setting(131, label="Seed of the draws", help="seed of the draws", low=0)
    steps: int = setting(
        10, label="PGD steps", help="signed gradient steps of each copy", low=1, high=1000
    )
    step_size: float = setting(
        2 / 255, label="PGD step size", help="size of one PGD step", unit="pixel range", low=0.0,
        high=1.0, exclusive_low=True,
    )  # fmt: skip
    target: str = setting(
        "other",
        label="Goal of the attack",
        help="what the attack makes the model predict. other: a random other label; true: the true "
        "label; none: away from the true label",
        choices=("other", "true", "none"),
        words={
            "other": "a random other label",
            "true": "the true label",
            "none": "away from the true label",
        },
    )
    adaptive: float = setting(
        0.0, label="Adaptive draws",
        help="how much wider the interval of r may become by drawing only where r is uncertain; "
        "0 = c draws of every sample. A target, not a bound; prevalence is then an expectation",
        unit="%", low=0.0, high=1000.0, key="changed",
    )  # fmt: skip

    fdr: float = setting(
        FDR, label="False discoveries",
        help="share of the samples called residual that may be so by chance, on average; changes "
        "verdicts alone",
        low=0.001, high=0.5, key=False,
    )  # fmt: skip

    arithmetic: str = setting(
        FLOAT32,
        label="Arithmetic of attacks",
        help="number format. float32, float32 with batch norm folded, or bfloat16; auto = "
        "bfloat16 for PGD on hardware that supports it, else folded (verdicts are always float32)",
        choices=(FLOAT32, FOLDED, BFLOAT16, AUTO),
        words={FOLDED: "float32, batch norm folded", AUTO: "automatic"},
        key="changed",
        expert=True,
    )
    between: str = setting(
        ASKED,
        label="Copies at norms in between",
        help="copies at norms between two others of the same draw. asked: every model classifies "
        "all of them; inferred: only those where its prediction may change; auto: inferred for "
        "convolutional networks",
        choices=(ASKED, INFERRED, AUTO),
        words={ASKED: "classified", INFERRED: "inferred where certain", AUTO: "automatic"},
        key="changed",
        expert=True,
    )

    start: str = setting(
        SHARED,
        label="Random start of PGD",
        help="where PGD starts. own: depends on the sample alone, so that its copies are the "
        "same whatever else is forgotten; shared: depends on all samples attacked together; auto: "
        "own for PGD (other perturbations have no random start)",
        choices=(OWN, SHARED, AUTO),
        words={OWN: "its own for each sample", SHARED: "shared by a batch", AUTO: "automatic"},
        key="changed",
        expert=True,
    )

    @property
    def everywhere(self) -> ProbeSpec:
        """The same probe without adaptive allocation, as queries about single samples need it."""
        return dataclasses.replace(self, adaptive=0.0)


@dataclass(frozen=True)
class RunSpec:
    """Everything that determines a study: data, network, forget set, methods and measurement."""

    data: DataSpec
    model: ModelSpec
    train: TrainSpec
    forget: tuple[int, ...]
    methods: tuple[MethodSpec, ...]
    retrains: int = setting(
        3, label="Re-trains", help="number of Re-trains, each with its own seed", low=1, high=100
    )
    seed: int = setting(131, label="Seed", help="seed of the whole study", low=0)
    probe: ProbeSpec = field(default_factory=ProbeSpec)
    foreign: tuple[ForeignSpec, ...] = setting(
        (), help="models imported with their weights instead of being trained", key="changed"
    )
    measures: tuple[MeasureSpec, ...] = setting(
        (), help="measures in addition to the cheap ones that every study has", key="changed"
    )
    pretrain: PretrainSpec | None = field(
        default=None,
        metadata={
            "help": "pre-training that Original and Re-trains start from; fresh weights if absent",
            "key": "changed",
        },
    )
    imported: ClassVar[bool] = False

    @property
    def unlearned(self) -> list[str]:
        """Names of the unlearned models: those of methods first, then imported ones."""
        names = [method.name for method in self.methods]
        own = {"original", *(f"retrain-{j}" for j in range(self.retrains))}
        return names + [one.name for one in self.foreign if one.name not in own]

    @property
    def aim(self) -> str:
        """The model that is shown, and attacked, by default."""
        return next(iter(self.unlearned), "original")


class ImportedSpec(RunSpec):
    """The same study, referring to models and results imported from elsewhere."""

    imported: ClassVar[bool] = True


def as_imported(spec: RunSpec) -> RunSpec:
    """The imported counterpart of a study; its keys are the same."""
    return ImportedSpec(**{item.name: getattr(spec, item.name) for item in fields(spec)})
