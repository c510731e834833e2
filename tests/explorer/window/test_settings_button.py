"""The Settings button says which settings are not as recommended, and puts them back."""

from __future__ import annotations

from dataclasses import replace

from explorer.app import Explorer
from explorer.widgets.setting_row import MARK


def test_settings_that_differ_are_marked_and_put_back_one_by_one(explorer: Explorer) -> None:
    state, button = explorer.state, explorer.window.bar.settings
    assert state.dataset is not None
    advice = state.dataset.recommended
    plain = replace(
        state.form, methods=("rurk",), model="", taus="", training={}, probe={}, settings={},
        retrains=3, seed=131, draws=100, perturbation="gaussian", grid={},
    )  # fmt: skip
    explorer.controller.opening.change_form(**vars(plain))
    assert button.text() == "Settings" and button.menu() is None  # methods stand beside it
    assert "not as recommended" not in button.toolTip()

    rate = advice.train_for(advice.model).lr
    changes = {"retrains": 5, "training": {"lr": 2 * rate}, "settings": {"rurk": {"epochs": 77}}}
    explorer.controller.opening.change_form(**changes)
    assert MARK in button.text()
    tip = button.toolTip()
    assert "3 settings are not as recommended" in tip
    assert "Re-trains: 5, recommended 3" in tip
    assert "Epochs of RURK: 77" in tip and "Learning rate of training" in tip

    actions = {action.data(): action for action in button.menu().actions()}
    assert set(actions) == {"study.retrains", "train.lr", "rurk.epochs"}
    actions["rurk.epochs"].trigger()
    assert state.form.retrains == 5 and not state.form.settings.get("rurk")
    assert "1 setting" not in button.toolTip() and "2 settings are" in button.toolTip()
    for path in ("study.retrains", "train.lr"):
        next(one for one in button.menu().actions() if one.data() == path).trigger()
    assert state.form.retrains == 3 and not state.form.training
    assert button.text() == "Settings" and button.menu() is None


def test_a_grid_of_values_is_listed_as_such(explorer: Explorer) -> None:
    state, button = explorer.state, explorer.window.bar.settings
    explorer.controller.opening.change_form(taus="0,0.1", grid={"study.draws": (50, 80)})
    assert "50, 80, recommended 100" in button.toolTip()
    assert "0, 0.1, recommended 0 to" in button.toolTip()
    assert state.form.taus == "0,0.1"
