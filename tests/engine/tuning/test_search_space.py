"""The space of every method, and how a new method gets one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from engine import registry
from engine.errors import SpecError
from engine.fields import amend, setting
from engine.methods._settings import Tuning
from engine.tuning.contest import all_methods
from engine.tuning.sampler import suggestion
from engine.tuning.space import COMMON, Choice, Range, space_of
from engine.tuning.trial_file import COMPLETE, FAILED, PRUNED, Trial


@dataclass(frozen=True)
class Plain(Tuning):
    """Settings of a method that states no space."""

    weight: float = setting(0.02, help="a weight", low=0.0, high=1.0)
    parts: int = setting(2, help="parts", low=1, high=5)
    none: int = setting(0, help="0 = all", low=0, high=5)
    way: str = setting("a", help="a way", choices=("a", "b"))
    depth: float = setting(0.5, help="for b", low=0.0, high=1.0, only_if=("way", ("b",)))


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Registers a method, with its space if it states one."""

    def add(**facts: Any) -> None:
        entry = registry.Registration(
            "method", "plain", print, "Plain", facts={"config": Plain, **facts}
        )
        monkeypatch.setitem(registry._entries, ("method", "plain"), entry)

    return add


@pytest.mark.parametrize("method", all_methods())
def test_every_method_has_a_space_within_its_bounds(method: str) -> None:
    config: Any = registry.get("method", method).config
    space = space_of(method)
    assert any(isinstance(one, Range) for one in space.values())
    trials: list[Trial] = []
    for number in range(12):  # random ones, and some of the estimator's
        values = suggestion(space, trials, 0)
        assert set(values) == set(space)
        settings = amend(config(), values, f"{method}.")  # raises out of bounds
        for name, one in space.items():
            assert one.nearest(values[name]) == values[name]
            assert getattr(settings, name) == values[name]
        trials.append(Trial(values, {11: float(number)}, 0.1, COMPLETE))


def test_a_method_that_states_no_space_gets_one_from_its_fields(
    plain: Callable[..., None],
) -> None:
    plain()
    assert space_of("plain") == {
        "epochs": Range(*COMMON["epochs"], whole=True),
        "lr": Range(*COMMON["lr"]),
        "weight": Range(0.0002, 1.0),  # its upper bound, not 100 times its default
        "parts": Range(1, 5, whole=True),
    }
    assert set(space_of("plain", ["lr", "parts"])) == {"epochs", "weight"}


def test_a_method_may_state_its_space(plain: Callable[..., None]) -> None:
    plain(space={"weight": (0.1, 0.5), "way": ("a", "b"), "parts": (3,)})
    space = space_of("plain")
    assert space == {
        "weight": Range(0.1, 0.5), "way": Choice(("a", "b")), "parts": Choice((3,)),
    }  # fmt: skip
    assert space["way"].nearest("c") == "a"
    seen = {suggestion(space, [], seed)["way"] for seed in range(20)}
    assert seen == {"a", "b"}


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ({"weight": (0.1, 3.0)}, "plain.weight must be at most 1"),
        ({"weights": (0.1, 0.5)}, "Did you mean 'weight'"),
        ({"weight": (0.5, 0.1)}, "plain.weight is empty"),
        ({"way": ("a", "c")}, "choice for plain.way"),
        ({"way": ()}, "plain.way is empty"),
    ],
)
def test_a_space_that_the_settings_do_not_allow_is_refused(
    space: dict[str, Any], sentence: str, plain: Callable[..., None]
) -> None:
    plain(space=space)
    with pytest.raises(SpecError, match=sentence):
        space_of("plain")


def test_suggestions_follow_from_the_trials_and_the_seed_and_move_towards_the_best() -> None:
    space = {"x": Range(1e-3, 1.0), "n": Range(1, 40, whole=True)}
    trials: list[Trial] = []
    for _ in range(30):
        values = suggestion(space, trials, 0)
        assert values == suggestion(space, trials, 0)
        near = abs(float(values["x"]) - 0.1) + abs(float(values["n"]) - 20) / 100
        trials.append(Trial(values, {11: near}, 0.0, COMPLETE))
    assert suggestion(space, [], 1) != suggestion(space, [], 0)
    random, guided = (sorted(one.value for one in part) for part in (trials[:10], trials[10:]))
    assert guided[len(guided) // 2] < random[5]
    assert guided[0] < random[0]


def test_failures_are_avoided_and_defaults_outside_the_space_do_not_disturb() -> None:
    space = {"x": Range(1e-3, 1.0)}
    trials = [Trial({"x": 0.0}, {11: 1.0}, 0.0, COMPLETE)]  # as a default may be
    for _ in range(40):
        x = float(suggestion(space, trials, 0)["x"])
        state = FAILED if x > 0.03 else COMPLETE
        trials.append(Trial({"x": x}, {} if state == FAILED else {11: x}, 0.0, state))
    trials.append(Trial({"x": 0.02}, {11: 3.0}, 0.0, PRUNED))
    late = trials[-11:-1]
    assert sum(one.state == FAILED for one in late) <= 2  # of ten; half of the space fails
