"""What a run is made of: frozen dataclasses whose fields carry unit, range and help.

Plug-ins find here all that settings are made with: fields (`engine.fields`), and their form in
files (`engine.serialization`).
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import typing
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from engine.errors import SpecError
from engine.fields import amend, choices_of, convert, field_kind, setting, setting_of, validate
from engine.serialization import SCALARS, canonical, key, restored, to_plain

__all__ = [
    "ASKED", "AUTO", "BFLOAT16", "FLOAT32", "FOLDED", "FOLLOW", "GRAY", "INFERRED", "MAX_DRAWS",
    "MAX_TAUS", "OWN", "PAPER_TAUS", "REFUSE", "RGB", "SCALARS", "SHARED", "DataSpec",
    "ForeignSpec", "ImportedSpec", "MeasureSpec", "MethodSpec", "ModelSpec", "PretrainSpec",
    "ProbeSpec", "RunSpec", "SGDSpec", "TrainSpec", "amend", "as_imported", "canonical",
    "check_taus", "choices_of", "convert", "field_kind", "key", "parse_settings", "parse_taus",
    "restored", "setting", "setting_of", "to_plain", "validate",
]  # fmt: skip

PAPER_TAUS = (0.0, 0.0031, 0.0063, 0.0094, 0.0125, 0.0157, 0.0188, 0.0220, 0.0251, 0.0282, 0.0314)
MAX_TAUS = 1000
MAX_DRAWS = 100_000
FLOAT32, BFLOAT16, AUTO = "float32", "bfloat16", "auto"  # what training computes in
OWN, SHARED = "own", "shared"  # random starts of attacks: each sample's, or of a whole batch
ASKED, INFERRED = "asked", "inferred"  # copies at norms between two others of the same draw
RGB, GRAY = "rgb", "gray"  # what image files are read as
REFUSE, FOLLOW = "refuse", "follow"  # links that lead out of a data folder
FOLDED = "folded"  # float32 with batch norm folded into convolutions: other rounding, fewer steps


@dataclass(frozen=True)
class DataSpec:
    """Which images; `fingerprint` identifies their content, wherever they lie."""

    name: str = setting(help="registered dataset")
    root: str = setting("", help="folder the data lies in, where the dataset needs one", key=False)
    seed: int = setting(
        131, help="seed of the draw or split, where the dataset makes one", low=0, key=False
    )
    side: int = setting(
        0, help="height and width images are resized to; 0 = the dataset's own", unit="px", low=0,
        high=1024, key=False,
    )  # fmt: skip
    fingerprint: str = setting(
        "", help="hash of pixels and labels, and of what is held out of training; set when loaded"
    )
    channels: str = setting(
        RGB, help="what image files are read as: three channels, or one of gray",
        choices=(RGB, GRAY), key=False,
    )  # fmt: skip
    validation: float = setting(
        0.0,
        help="share of each class of the training set that is held out: drawn by the seed, no "
        "model learns or forgets these samples, and they are not tested on",
        low=0.0, high=0.9, key=False,
    )  # fmt: skip
    links: str = setting(
        REFUSE, help="links in an image folder that lead out of it",
        choices=(REFUSE, FOLLOW), key=False, once=True,
    )  # fmt: skip


@dataclass(frozen=True)
class SGDSpec:
    """Settings of the one SGD loop, shared by training and by every fine-tuning method."""

    epochs: int = setting(30, help="passes over the data", unit="epochs", low=1, high=10_000)
    lr: float = setting(
        0.05, help="learning rate at the start", low=0.0, high=100.0, exclusive_low=True
    )
    momentum: float = setting(0.9, help="momentum of SGD", low=0.0, high=0.9999)
    weight_decay: float = setting(5e-4, help="L2 penalty of SGD", low=0.0, high=10.0)
    batch: int = setting(128, help="samples per step", unit="samples", low=1, high=65_536)
    schedule: str = setting(
        "cosine", help="learning rate over the steps", choices=("cosine", "constant")
    )
    clip: float = setting(
        0.0, help="largest L2 norm of the gradient; 0 = no clipping", low=0.0, high=1e6
    )


@dataclass(frozen=True)
class TrainSpec(SGDSpec):
    """Training from scratch; also the settings of every Re-train."""

    augment: str = setting(
        "none", help="random shift by 4 px and horizontal flip", choices=("none", "crop-flip")
    )
    retrain_epochs: int = setting(
        0, help="passes of every Re-train; 0 = as many as the Original", unit="epochs", low=0,
        high=10_000, key="changed",
    )  # fmt: skip
    precision: str = setting(
        FLOAT32,
        help="number format of matrix products and convolutions; auto = bfloat16 for networks of "
        "convolutions where the processor has it, else float32 (what CIFAR-10 and small CIFAR-5 "
        "recommend)",
        choices=(FLOAT32, BFLOAT16, AUTO),
        key="changed",
    )

    def of_retrain(self) -> TrainSpec:
        """The settings that every Re-train is trained with."""
        return dataclasses.replace(self, epochs=self.retrain_epochs or self.epochs)


@dataclass(frozen=True)
class PretrainSpec:
    """Training on other data, from which Original and every Re-train start.

    Where those data hold the forget set, so does every model's past, Re-train's included.
    """

    data: DataSpec
    train: TrainSpec
    seed: int = setting(131, help="seed of the pre-training, shared by all studies", low=0)


@dataclass(frozen=True)
class ModelSpec:
    """Which network: a registered one, or one made by a function in a person's own file."""

    name: str = setting(help="registered model, or FILE.py:FUNCTION")
    normalize: str = setting(
        "", help="what input is normalized by; '' = the statistics of the training set",
        key="changed",
    )  # fmt: skip
    source: str = setting("", help="hash of the text of FILE.py", key="changed")
    path: str = setting("", help="where FILE.py lies", key=False)


@dataclass(frozen=True)
class ForeignSpec:
    """Weights that somebody else trained; `digest` identifies them, wherever their file lies."""

    name: str = setting(help="their model's name in the study: original, retrain-0 ... or any")
    digest: str = setting(help="hash of the tensors")
    path: str = setting("", help="file they were read from", key=False)
    head: str = setting(
        "", help="method whose last layer they have in place of the network's own", key="changed"
    )


@dataclass(frozen=True)
class MethodSpec:
    """An unlearning method with its settings (the method's own config dataclass)."""

    name: str
    config: Any


@dataclass(frozen=True)
class MeasureSpec:
    """A measure that is asked for by name, with its settings (its own config dataclass)."""

    name: str
    config: Any


@dataclass(frozen=True)
class ProbeSpec:
    """How samples are perturbed when residual knowledge is measured."""

    perturbation: str = setting("gaussian", help="registered perturbation")
    taus: tuple[float, ...] = setting(PAPER_TAUS, help="perturbation norms", unit="pixel range")
    draws: int = setting(
        100, help="perturbed copies per sample and tau (c)", low=1, high=MAX_DRAWS, key=False
    )
    seed: int = setting(131, help="seed of the draws", low=0)
    steps: int = setting(10, help="PGD steps", low=1, high=1000)
    step_size: float = setting(
        2 / 255, help="PGD step size", unit="pixel range", low=0.0, high=1.0, exclusive_low=True
    )
    target: str = setting(
        "other",
        help="label an attack aims at: a random other one, the true one, or away from the true one",
        choices=("other", "true", "none"),
    )
    adaptive: float = setting(
        0.0,
        help="draws only where r is still uncertain, until its interval seems to be about this "
        "much wider than c draws of every sample would make it (an aim, no bound; no prevalence or "
        "verdicts then); 0 = c draws of every sample",
        unit="%", low=0.0, high=1000.0, key="changed",
    )  # fmt: skip

    arithmetic: str = setting(
        FLOAT32,
        help="what attacks are computed in: float32, the same with batch norm folded, or bfloat16; "
        "auto = bfloat16 for PGD where the processor has it, else folded (verdicts are float32's)",
        choices=(FLOAT32, FOLDED, BFLOAT16, AUTO),
        key="changed",
    )
    between: str = setting(
        ASKED,
        help="copies at norms between two others of the same draw: every model is asked about all, "
        "or only where its answer may change; auto = inferred for networks of convolutions",
        choices=(ASKED, INFERRED, AUTO),
        key="changed",
    )

    start: str = setting(
        SHARED,
        help="what PGD's random start depends on: on the sample alone, so that its copies are the "
        "same whatever else is forgotten, or on all samples that are attacked together; auto = own "
        "for PGD (other perturbations have none)",
        choices=(OWN, SHARED, AUTO),
        key="changed",
    )

    @property
    def everywhere(self) -> ProbeSpec:
        """The same with every copy drawn: what a question about single samples is asked with."""
        return dataclasses.replace(self, adaptive=0.0)


@dataclass(frozen=True)
class RunSpec:
    """Everything that determines one study: data, network, forget set, methods, measurement."""

    data: DataSpec
    model: ModelSpec
    train: TrainSpec
    forget: tuple[int, ...]
    methods: tuple[MethodSpec, ...]
    retrains: int = setting(3, help="Re-trains, each with a seed of its own", low=1, high=100)
    seed: int = setting(131, help="seed of the whole study", low=0)
    probe: ProbeSpec = field(default_factory=ProbeSpec)
    foreign: tuple[ForeignSpec, ...] = setting(
        (), help="models that are given, not made", key="changed"
    )
    measures: tuple[MeasureSpec, ...] = setting(
        (), help="measures beside the cheap ones, which every study has", key="changed"
    )
    pretrain: PretrainSpec | None = field(
        default=None,
        metadata={
            "help": "what Original and Re-trains start from; fresh weights if absent",
            "key": "changed",
        },
    )
    imported: ClassVar[bool] = False

    @property
    def unlearned(self) -> list[str]:
        """Names of the unlearned models: the methods', then those that are given."""
        names = [method.name for method in self.methods]
        own = {"original", *(f"retrain-{j}" for j in range(self.retrains))}
        return names + [one.name for one in self.foreign if one.name not in own]

    @property
    def aim(self) -> str:
        """The model that is looked at, and attacked, where nobody names one."""
        return next(iter(self.unlearned), "original")


class ImportedSpec(RunSpec):
    """The same study, where models and results that came from elsewhere are meant."""

    imported: ClassVar[bool] = True


def as_imported(spec: RunSpec) -> RunSpec:
    """The study of the same settings that came from elsewhere; its keys are the same."""
    return ImportedSpec(**{item.name: getattr(spec, item.name) for item in fields(spec)})


def parse_settings(texts: typing.Iterable[str]) -> dict[str, dict[str, str]]:
    """`['rurk.tau=0.1', ...]` as `{'rurk': {'tau': '0.1'}}`; SpecError where the form is wrong."""
    settings: dict[str, dict[str, str]] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        owner, dot, name = path.strip().partition(".")
        if not (equals and dot and owner and name and value.strip()):
            raise SpecError(
                f"'{text}' is no setting. Write method.parameter=value, e.g. rurk.tau=0.1."
            )
        settings.setdefault(owner, {})[name] = value.strip()
    return settings


def parse_taus(text: str) -> tuple[float, ...]:
    """A grid of tau from 'low:high:count' or 'a,b,c'; SpecError unless ascending from 0 up."""
    wrong = SpecError(
        f"'{text}' is no grid of tau. Write low:high:count (0:0.4:11) or a list (0,0.01,0.03)."
    )
    try:
        if ":" in text:
            low, high, count = text.split(":")
            n = int(count)
            if not 1 <= n <= MAX_TAUS:
                raise SpecError(
                    f"A grid of tau has 1 to {MAX_TAUS} values, but '{text}' asks for {n}."
                )
            start, stop = float(low), float(high)
            taus = [start + (stop - start) * i / max(1, n - 1) for i in range(n)]
        else:
            taus = [float(part) for part in text.split(",")]
    except ValueError:
        raise wrong from None
    return check_taus(tuple(round(tau, 10) for tau in taus))


def check_taus(taus: tuple[float, ...]) -> tuple[float, ...]:
    """The grid itself; SpecError unless 1 to `MAX_TAUS` finite, ascending values from 0 up."""
    if not 1 <= len(taus) <= MAX_TAUS:
        raise SpecError(f"A grid of tau has 1 to {MAX_TAUS} values, but this one has {len(taus)}.")
    for tau in taus:
        if not math.isfinite(tau) or tau < 0:
            raise SpecError(f"tau must be a finite number of at least 0, but is {tau:g}.")
    if any(b <= a for a, b in itertools.pairwise(taus)):
        raise SpecError("The values of tau must ascend, each larger than the one before.")
    return taus
