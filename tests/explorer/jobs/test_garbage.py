"""Cycles are collected only in the GUI thread while there are worker threads."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path
from typing import Any

from patience import PATIENCE
from pytestqt.qtbot import QtBot

from engine.runtime.progress import Reporter
from explorer.jobs.garbage import EVERY_MS, Collector
from explorer.jobs.lanes import HEAVY, PROBE, Job, Jobs

ROUNDS = 20_000  # garbage cycles: enough for dozens of collections


class Knot:
    """Forms a cycle with itself; records the thread that destroys it."""

    def __init__(self, gone: list[str]) -> None:
        self.me, self.gone = self, gone

    def __del__(self) -> None:
        self.gone.append(threading.current_thread().name)


def test_no_worker_collects_what_the_gui_thread_left(qtbot: QtBot, tmp_path: Path) -> None:
    gone: list[str] = []

    def litter(engine: Any, report: Reporter) -> None:
        stored: list[list[int]] = []
        for _ in range(ROUNDS):
            Knot(gone)
            stored.append([])
        del stored

    jobs = Jobs(lambda say: None, tmp_path)
    with qtbot.waitSignal(jobs.idle):
        for lane in (HEAVY, PROBE):
            jobs.submit(Job("Littering", litter, lane))
        assert not gc.isenabled()
    qtbot.waitUntil(lambda: len(gone) > ROUNDS)  # gradually, by themselves
    assert set(gone) == {threading.main_thread().name}
    assert jobs.close(PATIENCE)
    assert gc.isenabled()


def test_the_last_collector_to_end_lets_python_collect_again(qtbot: QtBot, tmp_path: Path) -> None:
    both = [Jobs(lambda say: None, tmp_path) for _ in range(2)]
    for jobs in both:
        with qtbot.waitSignal(jobs.idle):
            jobs.submit(Job("Nothing", lambda engine, report: None, PROBE))
    assert both[0].close(PATIENCE)
    assert not gc.isenabled()
    assert both[1].close(PATIENCE)
    assert gc.isenabled()


def test_imports_of_a_worker_are_not_scanned_until_the_last_ends(
    qtbot: QtBot, tmp_path: Path
) -> None:
    def load(engine: Any, report: Reporter) -> None:
        with Collector.loading():
            Knot(gone)
            time.sleep(3 * EVERY_MS / 1000)  # more than one check
        stayed.append(gc.get_freeze_count())

    gone: list[str] = []
    stayed: list[int] = []
    jobs = Jobs(lambda say: None, tmp_path)
    with qtbot.waitSignal(jobs.idle):
        jobs.submit(Job("Loading", load, PROBE))
    assert stayed[0] > 10_000  # everything that existed
    gc.collect()
    assert not gone
    assert jobs.close(PATIENCE)
    assert not gc.get_freeze_count()
    gc.collect()
    assert gone == [threading.main_thread().name]
