"""Stored studies compared with the open one, on the real engine: requested, shown, exported."""

from __future__ import annotations

import csv
from pathlib import Path

from real import WAIT, Desk

from engine.results import Study


def test_other_seeds_are_shown_beside_the_open_study_and_exported(
    desk: Desk, tmp_path: Path
) -> None:
    desk.open()
    desk.run()
    first = desk.state.study
    assert first is not None
    desk.wait(lambda: desk.controller.opening.change_form(seed=7))
    desk.run()
    second = desk.state.study
    assert second is not None and second.key != first.key
    desk.qtbot.waitUntil(lambda: len(desk.state.studies) == 2, timeout=WAIT)
    assert len({one.family for one in desk.state.studies}) == 1  # seeds of one setting

    desk.wait(desk.controller.compare, (first.key, "gone"))
    beside: tuple[Study, ...] = desk.state.beside or ()
    assert [one.key for one in beside] == [first.key]
    assert desk.state.problems == {}

    for kind in ("curves", "metrics", "scatter"):
        options = {"beside": [first.key], "mean": True}
        desk.wait(desk.controller.exports.save_figure, kind, tmp_path / f"{kind}.svg", options)
        with (tmp_path / f"{kind}.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["model"] == "gd"]
        assert {row["seeds"] for row in rows} == {"2"}, kind
        assert (tmp_path / f"{kind}.svg").stat().st_size > 1000

    desk.controller.compare(())
    assert desk.state.beside is None
