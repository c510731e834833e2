"""MNIST: 70,000 handwritten digits, 28x28 gray."""

from __future__ import annotations

from dataclasses import replace

from engine.datasets import fashion_mnist
from engine.datasets._downloads import folder_of
from engine.datasets._idx import read_idx
from engine.datasets.base import Dataset
from engine.registry import register
from engine.runtime.libraries import torchvision
from engine.runtime.progress import Reporter
from engine.spec import DataSpec

# Those of Fashion-MNIST, not tried here.
RECOMMENDED = replace(fashion_mnist.RECOMMENDED, forget="class:8:0.5")


@register(
    "dataset",
    "mnist",
    label="MNIST",
    help="70,000 handwritten digits, 28x28 gray; downloaded (12 MB), or the folder of its four "
    "files",
    root=True,
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """60,000 training and 10,000 test images; `spec.root` as in `fashion_mnist`, with `MNIST`."""
    root = folder_of(spec, "train-images-idx3-ubyte.gz, or none to download MNIST")
    mnist = torchvision("torchvision.datasets").MNIST
    train, test = read_idx(mnist, "MNIST", root, report)
    classes = tuple(map(str, range(10)))
    return Dataset(spec, "MNIST", classes, *train, *test, RECOMMENDED)
