"""A folder of photographs larger than memory: opened, opened again, read by batches for training.

`python -m tests.benchmarks.large_folder --folder DIR [--images 130000 --side 224]` fills the folder
with generated JPEG files unless it holds some, which takes about 1.5 GB for 130,000, and decodes
them into a store beside them (20 GB). The memory of the whole study can be limited from outside,
by a control group: what is read from the cache counts as its own.
"""

from __future__ import annotations

import argparse
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from engine.bench.row import BenchRow
from engine.datasets import base
from engine.datasets.base import Dataset
from engine.runtime.cores import set_passive_waiting
from engine.spec import DataSpec
from engine.storage import pixel_cache
from engine.storage.pixel_cache import PixelCache
from engine.storage.store import Store
from tests.benchmarks.harness import circumstances, show, within
from tests.benchmarks.memory import held

IMAGES, SIDE, CLASSES = 130_000, 224, 100
TEST_SHARE = 26  # one image in so many is a test image
COARSE = 16  # px: what a class has in common is a pattern of this size
BATCH, BATCHES = 128, 100
IN_MEMORY = 12_800  # images of which a copy in memory is read for comparison


def make_images(folder: Path, images: int, side: int) -> None:
    """Fill `folder` with train/CLASS/NUMBER.jpg and test/CLASS/NUMBER.jpg, on two processes."""
    rows = range(images)
    with ProcessPoolExecutor(2) as pool:
        tasks = ((folder, number, side) for number in rows)
        for _ in pool.map(_write_image, tasks, chunksize=500):
            pass


def _write_image(task: tuple[Path, int, int]) -> None:
    folder, number, side = task
    label = number % CLASSES
    part = "test" if number // CLASSES % TEST_SHARE == 0 else "train"
    pattern = np.random.default_rng(label).uniform(60, 196, (COARSE, COARSE, 3))
    noise = np.random.default_rng(number + CLASSES).normal(0, 40, (COARSE, COARSE, 3))
    coarse = np.clip(pattern + noise, 0, 255).astype(np.uint8)
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    path = folder / part / f"{label:03d}" / f"{number:06d}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=90)


def rows(folder: Path, images: int, side: int) -> Iterator[BenchRow]:
    """Opening and reading, in time and memory."""
    if not (folder / "images" / "train").is_dir():
        make_images(folder / "images", images, side)
    dataset, first, peak = opened(folder, side)
    count = len(dataset)
    hour = 3600.0
    yield within(f"{count:,} images of {side} px opened first", hour, [first], "s", 1.0)
    yield within("memory of this process meanwhile", 4 * 1024, [peak], "MiB", 1.0)
    del dataset
    dataset, again, _ = opened(folder, side)
    yield within("the same opened again", 2, [again], "s", 1.0)
    yield from _reading(dataset)


def opened(folder: Path, side: int) -> tuple[Dataset, float, float]:
    """(dataset, seconds, most MiB of its own that this process had) of opening the folder."""
    store = Store(folder / "store")
    spec = DataSpec("folder", root=str(folder / "images"), side=side)
    start = time.perf_counter()
    with Peak() as peak, pixel_cache.using(PixelCache(store)):
        dataset = base.load(spec)
    return dataset, time.perf_counter() - start, peak.most


class Peak:
    """The most anonymous memory that this process had meanwhile, in MiB, looked at often."""

    def __init__(self) -> None:
        self.most = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.1):
            self.most = max(self.most, held().anonymous)


def _reading(dataset: Dataset) -> Iterator[BenchRow]:
    """Random batches as training reads them: from the cache, and from a copy in memory."""
    import torch

    from engine.runtime.device_samples import Samples

    device = torch.device("cpu")
    whole = Samples.on(device, dataset.train_x, dataset.train_y, CLASSES)
    few = np.array(dataset.train_x[:IN_MEMORY])
    copy = Samples.on(device, few, dataset.train_y[:IN_MEMORY], CLASSES)
    plain = Samples(whole.x, whole.y, CLASSES)  # not read ahead
    parts = {
        "the cache, not read ahead": (plain, len(whole)),
        "the cache": (whole, len(whole)),
        "memory": (copy, len(few)),
    }
    for name, (samples, n) in parts.items():
        seed = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        order = torch.randint(0, n, (BATCHES, BATCH), generator=seed)
        seconds = []
        for batch in order:
            start = time.perf_counter()
            samples.pixels(batch)
            seconds.append((time.perf_counter() - start) * 1000)
        yield within(f"a batch of {BATCH} from {name}", 500, seconds, "ms", 1.0)


if __name__ == "__main__":
    set_passive_waiting()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--side", type=int, default=SIDE)
    options = parser.parse_args()
    print(circumstances())
    show(rows(options.folder, options.images, options.side))
