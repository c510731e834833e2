"""Settings and costs that several methods share, for forms and keys: imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.spec import SGDSpec, TrainSpec, setting, setting_of
from engine.training.costs import cost_of_training

SWEEP = 512  # samples per forward pass where the batch size cannot change the result
SHUFFLED, STORED = "shuffled", "stored"  # orders in which samples are batched


@dataclass(frozen=True)
class Tuning(SGDSpec):
    """Settings of SGD from the Original, with defaults common to most baselines of the paper."""

    epochs: int = setting_of(SGDSpec, "epochs", 10)
    lr: float = setting_of(SGDSpec, "lr", 0.01)
    weight_decay: float = setting_of(SGDSpec, "weight_decay", 1e-4)
    schedule: str = setting_of(SGDSpec, "schedule", "constant")
    batch_norm: str = setting(
        "train",
        label="Batch norm",
        words={"train": "updated from the batches", "eval": "frozen"},
        help="running statistics of batch norm: updated from the batches (train) or frozen (eval)",
        choices=("train", "eval"),
    )


@dataclass(frozen=True)
class TailTuning(Tuning):
    """Fine-tuning of the last k layers; defaults of the residual-knowledge paper.

    k = 6 covers the classifier and the last two residual blocks of ResNet-18 (four convolutions
    and the shortcut); ResNet-50 needs k = 7 for the same. A network with fewer layers is tuned
    entirely. Layer norms, class tokens and positions belong to no layer: they stay as they are.
    """

    k: int = setting(
        6,
        label="Last layers to tune",
        help="last layers to tune (convolutions and linear layers)",
        unit="layers",
        low=1,
        high=10_000,
    )
    batch_norm: str = setting(
        "tail",
        label="Batch norm",
        words={"tail": "of the tail", "frozen": "frozen", "leaky": "as in the reference code"},
        help="which batch norms are trained and update their statistics. tail: those among the "
        "last k layers; frozen: none; leaky: as in the reference code, those of the tail are "
        "trained, but all update their statistics",
        choices=("tail", "frozen", "leaky"),
    )


@dataclass(frozen=True)
class RelabelTuning(Tuning):
    """Settings of fine-tuning on random labels; defaults of the Unlearn-Saliency code."""

    labels: str = setting(
        "any",
        label="Random labels",
        words={"any": "any class", "other": "other classes only"},
        help="random labels of the forget samples, redrawn at every step. any: all classes, the "
        "true one included; other: only the other classes",
        choices=("any", "other"),
    )
    weight_decay: float = setting_of(Tuning, "weight_decay", 5e-4)
    batch: int = setting_of(Tuning, "batch", 256)


def relabel_cost(config: RelabelTuning, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes of all epochs over S_f and S_r."""
    return cost_of_training(config, n_retain + n_forget)


def order_setting() -> Any:
    """The `order` setting of a method: how samples are grouped into batches of gradients.

    Earlier results, whose settings lack it, used the stored order.
    """
    return setting(
        SHUFFLED,
        label="Grouping of samples",
        expert=True,
        help="which samples share a batch of gradients. shuffled: random, from the seed and each "
        "sample's content, independent of the storage order; stored: in the order of the data, "
        "which is sorted by class in image folders",
        choices=(SHUFFLED, STORED),
        before=STORED,
    )


def steps_beside(n_drive: int, n_beside: int, batch: int, beside: int) -> tuple[int, float]:
    """Steps of a sweep over n_drive samples, and the mean size of the batch beside each step."""
    parts = -(-n_beside // beside)
    return -(-n_drive // batch), n_beside / parts
