"""A monkey let loose for so many events, a process that does so many studies: what they cost."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from monkey import LEFT, NONE, Monkey
from PySide6.QtCore import QObject
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from stage import (
    FileAnswers,
    Traps,
    at_home,
    close_all,
    hostile_images,
    let_go,
    megabytes,
    open_files,
    open_iris,
    shown,
    wait,
    windows,
)

from engine.figures import catalog
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.storage.store import Store
from explorer.app import Explorer

BLOCK = 500  # events between two looks
PATIENCE = 60.0  # seconds until a click is answered: tells a hang from a busy machine
FIRST_SEEDS = 10**6


@dataclass(frozen=True)
class Level:
    """What the process holds: events or runs so far, MB, windows, objects, threads, files."""

    done: int
    megabytes: float
    windows: int
    objects: int
    threads: int
    files: int

    def line(self) -> str:
        """One line of a table."""
        return (
            f"{self.done:>7,}: {self.megabytes:7.0f} MB, {self.windows} windows, "
            f"{self.objects:,} objects, {self.threads} threads, {self.files} files"
        )


@dataclass
class Outcome:
    """What happened, and the level at each look; wrong: sentences, none of them wanted."""

    wrong: list[str] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)


def let_loose(
    events: int,
    seed: int,
    folder: Path,
    tell: Callable[[str], None] = lambda line: None,
    block: int = BLOCK,
) -> Outcome:
    """What so many random events do to the window; the same seed begins the same way.

    block: events between two looks at what there is.
    """
    rng, outcome, traps = Random(seed), Outcome(), Traps()
    files = folder / "files"
    person = FileAnswers(files, rng.choice)
    hostile_images(files)
    before = windows()  # of whatever ran in this process earlier
    with at_home(folder / "home"), traps.set(), person.set(), shown(folder) as explorer:
        monkey = Monkey(explorer, rng, files)
        for number in range(1, events + 1):
            traps.attempt(monkey.act)
            found = [f"{one}; after {monkey.done[-3:]}" for one in traps.caught]
            traps.caught.clear()
            if number % block == 0 or number == events:
                found += looked(explorer, before)
                outcome.levels.append(level(number, explorer.window, before))
                monkey.done.clear()
                tell(outcome.levels[-1].line())
            for one in found:
                outcome.wrong.append(f"event {number}: {one}")
                tell(outcome.wrong[-1])
        monkey.deleteLater()
        del monkey
    outcome.wrong += [f"at the end: {one}" for one in traps.caught]
    return outcome


def looked(explorer: Explorer, before: Collection[QWidget]) -> Iterator[str]:
    """Everything is closed and stopped; what is left that should not be, and whether it answers."""
    close_all()
    open_iris(explorer)
    close_all()
    explorer.window.reset_layout()
    explorer.window.resize(1440, 900)
    wait(0.2)
    others = [one for one in windows() if one is not explorer.window and one not in before]
    yield from (f"a window is left: {type(one).__name__} '{one.windowTitle()}'" for one in others)
    if not answers(explorer):
        yield f"a click was not answered within {PATIENCE:g} s"


def answers(explorer: Explorer) -> bool:
    """Whether a click on the theme's and on a sample's place changes what is shown."""
    window, state = explorer.window, explorer.state
    other = "dark" if state.theme == "light" else "light"
    window.actions_.by_name[f"theme-{other}"].trigger()
    end = time.monotonic() + PATIENCE
    while state.theme != other and time.monotonic() < end:
        wait(0.02)
    explorer.controller.choice.set_current(5)
    while state.selection.current != 5 and time.monotonic() < end:
        wait(0.02)
    QTest.mouseClick(window.bar, LEFT, NONE)
    return state.theme == other and state.selection.current == 5


def level(done: int, window: QObject, before: Collection[QWidget]) -> Level:
    """What the process holds now, without the windows that were there before."""
    let_go()
    opened = sum(one not in before for one in windows())
    return Level(
        done, megabytes(), opened, len(window.findChildren(QObject)),
        threading.active_count(), open_files(),
    )  # fmt: skip


def soak(runs: int, folder: Path, tell: Callable[[str], None] = lambda line: None) -> Outcome:
    """What so many studies of the smallest kind, one after another, do to a process."""
    outcome = Outcome()
    pipeline = Pipeline(Store(folder / "store"), "cpu")
    dataset = pipeline.dataset(DataSpec("iris"), Reporter())
    for number in range(1, runs + 1):
        spec = pipeline.compose(
            dataset, forget="class:1:3", methods=("gd",), training={"epochs": 2}, retrains=1,
            draws=10, taus="0,0.2", seed=FIRST_SEEDS + number,
        )  # fmt: skip
        study = pipeline.run(spec, Reporter())
        if number % 10 == 0:
            pipeline.neighborhood(spec, 3, "", -1, Reporter())
            catalog.figure(pipeline, study, "curves", folder / "curves.png")
            pipeline.delete_studies([study.key])
        if number % max(1, runs // 20) == 0:
            gc.collect()
            outcome.levels.append(
                Level(number, megabytes(), 0, len(gc.get_objects()), threading.active_count(),
                      open_files())
            )  # fmt: skip
            tell(outcome.levels[-1].line())
    pipeline.close()
    return outcome


def growth(levels: list[Level]) -> tuple[float, int, int]:
    """(MB, objects, files) that the last look has more than the highest of the first quarter."""
    early = levels[: max(1, len(levels) // 4)]
    last = levels[-1]
    return (
        last.megabytes - max(one.megabytes for one in early),
        last.objects - max(one.objects for one in early),
        last.files - max(one.files for one in early),
    )


def application() -> QApplication:
    """The one of this process."""
    found = QApplication.instance()
    return found if isinstance(found, QApplication) else QApplication(["stress"])
