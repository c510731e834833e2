"""Kill, look, go on, compare."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from tests.faults import lives, victims, whole
from tests.faults.lives import EXPORT, MEASURE, TRAIN, UNLEARN, WRITE, Life
from tests.faults.victims import Study

KINDS = (TRAIN, UNLEARN, MEASURE, WRITE, EXPORT)
AGAIN = 0.5  # how often what was killed is killed once more before it may finish


@dataclass
class Tally:
    """Kills by what they hit, and lives that ended before the kill came."""

    kills: Counter[str] = field(default_factory=Counter)
    resumed: int = 0
    missed: int = 0

    def count(self, what: str, life: Life, log: Path) -> None:
        """Count one life that was to be killed."""
        if life.killed:
            self.kills[what] += 1
        else:
            assert life.status == 0, (life, log.read_text(encoding="utf-8"))
            self.missed += 1

    def __str__(self) -> str:
        each = ", ".join(f"{kind} {self.kills[kind]}" for kind in KINDS)
        return (
            f"{self.kills.total()} kills ({each}), {self.resumed} jobs resumed to the results of "
            f"an uninterrupted run, {self.missed} ended before the kill came"
        )


class Reference:
    """One study that nobody interrupted, and what it exports."""

    def __init__(self, study: Study, folder: Path) -> None:
        self.study, self.folder = study, folder
        self.store, self.out = folder / "store", folder / "out.json"
        folder.mkdir(parents=True)
        self.life = _finish(lambda: study.make(self.store, self.out), folder / "log")
        self.figures = victims.figures(self.out)
        self.answers = whole.answers(self.store)
        exports = folder / "exports"
        exports.mkdir()
        self.export_life = _finish(lambda: victims.export(self.store, exports), folder / "log")
        self.exports = victims.exported(exports, folder / "scratch")


def of_study(reference: Reference, what: str, rng: random.Random, at: Path, tally: Tally) -> None:
    """Kill the making of a study within `what`, once or more; then it must finish as ever."""
    store, out, log = at / "store", at / "out.json", at / "log"

    def make() -> int:
        return reference.study.make(store, out)

    before: Mapping[str, str] = {}
    while True:
        before = _killed(make, reference.life, what, rng, log, tally, store, before)
        assert not out.exists() or victims.figures(out) == reference.figures
        if rng.random() > AGAIN:
            break
    _finish(make, log)
    whole.opened(store)
    assert whole.lost(before, whole.marks(store)) == []
    assert victims.figures(out) == reference.figures
    assert whole.answers(store) == reference.answers
    tally.resumed += 1


def of_export(reference: Reference, rng: random.Random, at: Path, tally: Tally) -> None:
    """Kill exporting; each file is whole or absent, and another try writes them all."""
    store, out, log = at / "store", at / "exports", at / "log"
    shutil.copytree(reference.store, store)
    out.mkdir()
    before = whole.marks(store)

    def make() -> int:
        return victims.export(store, out)

    _killed(make, reference.export_life, EXPORT, rng, log, tally, store, before)
    kept = {path.name for path in out.iterdir() if not path.name.startswith(".")}
    some = {name: victims._said(out / name, at / f"scratch-{name}") for name in kept}
    assert some.items() <= reference.exports.items()
    _finish(make, log)
    assert victims.exported(out, at / "scratch") == reference.exports
    assert whole.lost(before, whole.marks(store)) == []
    tally.resumed += 1


def campaign(
    kills: int,
    seed: int,
    folder: Path,
    studies: tuple[Study, ...] = victims.STUDIES,
    told: Callable[[Tally], Any] = lambda tally: None,
) -> Tally:
    """So many kills at moments drawn from `seed`, over all kinds of work in turn."""
    lives.prepare()
    torch.set_num_threads(1)
    rng, tally, number = random.Random(seed), Tally(), 0
    references = [Reference(study, folder / study.name) for study in studies]
    while tally.kills.total() < kills:
        at = folder / f"trial-{number}"
        at.mkdir()
        what = min(KINDS, key=lambda kind: (tally.kills[kind], KINDS.index(kind)))
        reference = references[number % len(references)]
        if what == EXPORT:
            of_export(reference, rng, at, tally)
        else:
            of_study(reference, what, rng, at, tally)
        shutil.rmtree(at)
        number += 1
        told(tally)
    return tally


def _killed(
    make: lives.Work,
    usual: Life,
    what: str,
    rng: random.Random,
    log: Path,
    tally: Tally,
    store: Path,
    before: Mapping[str, str],
) -> Mapping[str, str]:
    """Run until killed; the store opens then, and has whole what it had. What it has now."""
    life = lives.live(make, lives.plans(usual.begun, what, usual.seconds, rng), log)
    tally.count(what, life, log)
    store.mkdir(exist_ok=True)
    whole.opened(store)
    now = whole.marks(store)
    assert whole.lost(before, now) == [], life
    return now


def _finish(make: lives.Work, log: Path) -> Life:
    life = lives.live(make, None, log)
    assert life.status == 0 and not life.killed, log.read_text(encoding="utf-8")
    return life
