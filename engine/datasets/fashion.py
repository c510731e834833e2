"""Part of Fashion-MNIST: 2,400 real 28x28 photographs of clothes in five classes, built in.

The images lie in assets/fashion, whose NOTICE.md has the licence and says how they were drawn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files

import numpy as np
from PIL import Image

from engine.datasets.base import Dataset, Origin, Recommended
from engine.errors import DataError
from engine.registry import register
from engine.runtime.progress import Reporter
from engine.spec import ADAMW, DataSpec, TrainSpec, parse_taus

SIDE = 28  # height and width of an image in px
COLUMNS = 40  # images in one row of a sheet
ORIGIN = "fashion-mnist"

# Chosen on the seeds 11 to 15, which no table or example shows (tests/choice.py). RURK's settings
# are those tried whose curve lies within the null band at the most values of tau (62 %), no
# interval clear above it: with a sixth less ascent half of the curve lies above the band, with a
# tenth more it falls below. GA, NegGrad+, SCRUB and Bad Teacher have the smallest mean average gap
# of 10 or 12 settings each, the last two at the edge of their grids; with the paper's settings GA
# would leave the Original as it is. GD keeps the paper's. The weight decay makes Re-trains agree,
# and so narrows the null band. ResNet-20 and ViT-Tiny end at 87 % and 84 to 88 % test
# accuracy, near the MLP's 89 %; of four rates and lengths each tried for ViT-Tiny (rates 0.0005 to
# 0.002, 20 or 30 epochs, weight decay 0.05 or 0.5) none is better beyond the noise of 400 images.
RECOMMENDED = Recommended(
    model="mlp",
    train=TrainSpec(epochs=40, lr=0.05, weight_decay=5e-3),
    forget="class:Shirt:0.5",
    taus=parse_taus("0:0.4:11"),
    methods={
        "rurk": {
            "epochs": 40,
            "lr": 0.01,
            "max_steps": 1000,
            "tau": 0.05,
            "lambda_f": 0.018,
            "lambda_a": 0.018,
            "weight_decay": 5e-3,
        },
        "bad-teacher": {"lr": 5e-4, "epochs": 4},
        "ga": {"lr": 0.01, "epochs": 2},
        "neggrad-plus": {"beta": 0.04, "epochs": 10},
        "scrub": {"lr": 0.01, "epochs": 6, "max_epochs": 2},
    },
    training={
        "resnet20": TrainSpec(epochs=15, lr=0.05, batch=64),
        "vit-tiny": TrainSpec(
            epochs=20, lr=1e-3, weight_decay=0.05, batch=64, clip=1.0, optimizer=ADAMW, warmup=0.1
        ),
    },
    compared=("rurk", "gd", "ga", "neggrad-plus"),
)


@register(
    "dataset",
    "fashion",
    label="Fashion",
    help="2,400 photographs of clothes in five classes, 28x28 gray: part of Fashion-MNIST; "
    "built in",
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """2,000 training and 400 test images, (n, 1, 28, 28) uint8, class by class; always the same.

    Raises DataError where the installed files are missing or damaged.
    """
    try:
        numbers = json.loads((files("assets") / "fashion" / "numbers.json").read_text("utf-8"))
        train_x, train_y, train_numbers = _part("train", numbers["train"])
        test_x, test_y, test_numbers = _part("test", numbers["test"])
    except (OSError, ValueError, SyntaxError, LookupError, TypeError) as error:
        raise DataError(
            f"The images of 'fashion' that come with this program cannot be read ({error}). "
            "Install it again."
        ) from error
    return Dataset(
        spec,
        "Fashion",
        tuple(numbers["train"]),
        train_x,
        train_y,
        test_x,
        test_y,
        RECOMMENDED,
        origin=Origin(ORIGIN, np.concatenate([train_numbers, test_numbers])),
    )


def _part(name: str, numbers: Mapping[str, list[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, class numbers and numbers in the original set of one part.

    numbers: the images' numbers by class, in the order of the sheet. ValueError where the sheet
    has another size.
    """
    order = np.concatenate([np.asarray(one, np.int64) for one in numbers.values()])
    labels = np.repeat(np.arange(len(numbers)), [len(one) for one in numbers.values()])
    size = (COLUMNS * SIDE, len(order) // COLUMNS * SIDE)
    with (
        (files("assets") / "fashion" / f"{name}.png").open("rb") as file,
        Image.open(file, formats=("PNG",)) as sheet,
    ):
        if sheet.size != size or sheet.mode != "L":
            raise ValueError(f"{name}.png is {sheet.size} {sheet.mode}, not {size} L")
        pixels = np.asarray(sheet)
    tiles = pixels.reshape(-1, SIDE, COLUMNS, SIDE).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(tiles.reshape(-1, 1, SIDE, SIDE)), labels, order
