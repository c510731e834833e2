"""State: only changes are signalled, once; selections combine; settings survive."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from explorer.state import settings
from explorer.state.app_state import AppState
from explorer.state.catalog import Catalog, CatalogItem
from explorer.state.selection import ADD, INTERSECT, REMOVE, REPLACE, Selection
from explorer.state.session import Look
from explorer.state.study_form import StudyForm

INDICES = st.frozensets(st.integers(0, 50))


@pytest.fixture
def state() -> AppState:
    return AppState()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dataset", synthetic.images()),
        ("form", StudyForm(dataset="iris")),
        ("selection", Selection(3, frozenset({1}))),
        ("forget", (1, 2)),
        ("losses", {"original": (1.0,)}),
        ("residual", synthetic.residual()),
        ("study", synthetic.study()),
        ("probe", ("pgd", 0.1)),
        ("busy", "working"),
        ("theme", "dark"),
        ("catalog", Catalog(datasets=(CatalogItem("iris", "Iris"),))),
        ("form_error", "wrong"),
    ],
)
def test_a_property_signals_once_when_it_changes(
    qtbot: QtBot, state: AppState, name: str, value: object
) -> None:
    received: list[object] = []
    getattr(state, f"{name}_changed").connect(lambda: received.append(getattr(state, name)))
    before = getattr(state, name)
    setattr(state, name, value)
    setattr(state, name, value)
    assert len(received) == (0 if before == value else 1)
    assert getattr(state, name) == value


@given(INDICES, INDICES)
def test_modes_of_selection_are_set_operations(old: frozenset[int], new: frozenset[int]) -> None:
    selection = Selection(7, old)
    results = {mode: selection.combine(new, mode) for mode in (REPLACE, ADD, REMOVE, INTERSECT)}
    assert results[REPLACE].chosen == new
    assert results[ADD].chosen == old | new
    assert results[REMOVE].chosen == old - new
    assert results[INTERSECT].chosen == old & new
    assert {one.current for one in results.values()} == {7}


def test_settings_survive_the_disk(state: AppState, tmp_path: Path) -> None:
    dataset = synthetic.images()
    state.dataset = replace(dataset, spec=replace(dataset.spec, fingerprint="abc"))
    state.form = StudyForm(
        dataset="iris", methods=("gd",), settings={"gd": {"lr": 0.1}}, training={"epochs": 3}
    )
    state.selection = Selection(4, frozenset({4, 5}))
    state.forget = (4, 5)
    stored = settings.Settings(theme="dark")
    settings.record_session(stored, state, Look(views={"samples": {"size": 32}}))
    path = tmp_path / "deep" / settings.FILE
    settings.save(path, stored)
    assert settings.load(path) == stored
    session = settings.session_of(settings.load(path))
    assert session.form == state.form
    assert session.selection == state.selection
    assert (session.forget, session.fingerprint) == ((4, 5), "abc")
    assert session.look.views == {"samples": {"size": 32}}
    assert [one.name for one in path.parent.iterdir()] == [settings.FILE]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"schema": 99, "theme": "dark"}',
        '{"schema": 1, "theme": "dark"}',
        '{"schema": 2, "session": 3}',
        '{"schema": 2, "session": {"form": 3, "chosen": "all", "current": "x"}}',
    ],
)
def test_damaged_settings_are_the_defaults(tmp_path: Path, text: str) -> None:
    path = tmp_path / settings.FILE
    path.write_text(text, encoding="utf-8")
    assert settings.session_of(settings.load(path)).form == StudyForm()


def test_a_damaged_session_costs_no_other_setting(tmp_path: Path) -> None:
    path = tmp_path / settings.FILE
    path.write_text(json.dumps({"schema": 2, "theme": "dark", "session": {"chosen": [1, "two"]}}))
    assert settings.load(path).theme == "dark"
    assert settings.session_of(settings.load(path)).selection.chosen == frozenset()
