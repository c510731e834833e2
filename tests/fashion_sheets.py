"""How assets/fashion was drawn: `python -m tests.fashion_sheets --source DIR [--out DIR]`.

DIR holds Fashion-MNIST as it is published, four files such as train-images-idx3-ubyte.gz. Of each
class `TRAIN` images are drawn from its training part and `TEST` from its test part, without
replacement, by the seed 0. The same files give the same pixels and numbers.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from engine.datasets.fashion import COLUMNS, SIDE
from engine.runtime.seeds import numpy_generator

CLASSES = {0: "T-shirt/top", 1: "Trouser", 2: "Pullover", 6: "Shirt", 9: "Ankle boot"}
PARTS = {"train": "train", "test": "t10k"}  # as the program and as the published files call them
TRAIN, TEST = 400, 80  # images of each class
SEED = 0


def read_idx(path: Path) -> np.ndarray:
    """The uint8 array of an IDX file: 0, 0, type 8, rank, then its sizes, big-endian."""
    content = gzip.decompress(path.read_bytes())
    assert content[:3] == b"\0\0\x08", f"{path} is no IDX file of bytes."
    rank = content[3]
    shape = np.frombuffer(content, ">u4", rank, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(*shape)


def draw(labels: np.ndarray, count: int, part: str) -> dict[str, np.ndarray]:
    """`count` sorted indices of each class."""
    return {
        name: np.sort(
            numpy_generator(SEED, "fashion", part, name).choice(
                np.flatnonzero(labels == number), count, replace=False
            )
        )
        for number, name in CLASSES.items()
    }


def sheet(images: np.ndarray) -> Image.Image:
    """Images (n, 28, 28) as one picture of `COLUMNS` columns, row by row."""
    tiles = images.reshape(-1, COLUMNS, SIDE, SIDE).transpose(0, 2, 1, 3)
    return Image.fromarray(tiles.reshape(-1, COLUMNS * SIDE))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write train.png, test.png and numbers.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("assets/fashion"), metavar="DIR")
    options = parser.parse_args(arguments)
    numbers = {}
    for (part, published), count in zip(PARTS.items(), (TRAIN, TEST), strict=True):
        images = read_idx(options.source / f"{published}-images-idx3-ubyte.gz")
        labels = read_idx(options.source / f"{published}-labels-idx1-ubyte.gz")
        indices = draw(labels, count, part)
        picture = sheet(images[np.concatenate(list(indices.values()))])
        picture.save(options.out / f"{part}.png", optimize=True)
        numbers[part] = {name: rows.tolist() for name, rows in indices.items()}
    (options.out / "numbers.json").write_text(json.dumps(numbers) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
