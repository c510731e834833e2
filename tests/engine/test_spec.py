"""Settings: conversion, ranges, keys, grids of tau."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SpecError
from engine.spec import (
    MAX_TAUS,
    PAPER_TAUS,
    DataSpec,
    MethodSpec,
    ModelSpec,
    ProbeSpec,
    RunSpec,
    SGDSpec,
    TrainSpec,
    amend,
    canonical,
    check_taus,
    convert,
    field_kind,
    key,
    parse_settings,
    parse_taus,
    restored,
    setting,
    setting_of,
    to_plain,
    validate,
)


@dataclass(frozen=True)
class Knobs:
    """Settings of every kind."""

    count: int = setting(3, help="a count", unit="steps", low=1, high=9)
    rate: float = setting(0.5, help="a rate", low=0.0, high=1.0, exclusive_low=True)
    loud: bool = setting(False, help="a switch")
    mode: str = setting("slow", help="a choice", choices=("slow", "fast"))
    note: str = setting("", help="changes no result", key=False)


RUN = RunSpec(
    data=DataSpec("digits", fingerprint="0" * 20),
    model=ModelSpec("cnn"),
    train=TrainSpec(),
    forget=(1, 2, 3),
    methods=(MethodSpec("knobs", Knobs()),),
)


# -- validation -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("count", 0, "x.count must be at least 1 steps, but is 0."),
        ("count", 10, "x.count must be at most 9 steps, but is 10."),
        ("count", 2.5, "x.count must be a whole number, but is '2.5'."),
        ("count", "many", "x.count must be a whole number, but is 'many'."),
        ("count", "", "x.count must be a whole number, but is ''."),
        ("count", "1e999", "x.count must be a whole number"),
        ("count", None, "x.count must be a whole number, but is 'None'."),
        ("count", 10**400, "x.count must be"),
        ("rate", 0, "x.rate must be more than 0, but is 0."),
        ("rate", 1.1, "x.rate must be at most 1, but is 1.1."),
        ("rate", math.nan, "x.rate must be a finite number, but is nan."),
        ("rate", "inf", "x.rate must be a finite number, but is inf."),
        ("rate", "half", "x.rate must be a number, but is 'half'."),
        ("loud", "perhaps", "x.loud must be true or false, but is 'perhaps'."),
        ("mode", "fsat", "There is no choice for x.mode 'fsat'. Did you mean 'fast'?"),
    ],
)
def test_a_bad_value_is_named_with_what_would_be_right(
    field: str, value: Any, sentence: str
) -> None:
    with pytest.raises(SpecError) as caught:
        validate(Knobs(**{field: value}), "x.")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("3", int, 3),
        (" 3 ", int, 3),
        (3.0, int, 3),
        ("1e3", int, 1000),
        (np.int64(5), int, 5),
        ("9007199254740993", int, 9007199254740993),  # 2**53 + 1: no float can hold it
        ("0.1", float, 0.1),
        (1, float, 1.0),
        ("True", bool, True),
        (0, bool, False),
        (5, str, "5"),
    ],
)
def test_values_are_converted(value: Any, kind: type, expected: Any) -> None:
    made = convert(value, kind, "x")
    assert made == expected and type(made) is kind


def test_validation_makes_equal_settings_equal_in_key() -> None:
    written = validate(Knobs(count="3", rate="5e-1", loud="false"))  # type: ignore[arg-type]
    assert written == Knobs() and key(written) == key(Knobs())
    assert key(validate(SGDSpec(lr=1))) == key(SGDSpec(lr=1.0))


def test_every_default_of_the_engine_is_valid() -> None:
    for spec in (DataSpec("digits"), SGDSpec(), TrainSpec(), ProbeSpec(), Knobs()):
        assert validate(spec) == spec


def test_a_long_whole_number_cannot_overflow() -> None:
    with pytest.raises(SpecError, match="seed must be at least 0"):
        validate(DataSpec("digits", seed=-(10**400)))


def test_amend_names_the_nearest_parameter() -> None:
    assert amend(Knobs(), {"count": "4"}, "knobs.") == Knobs(count=4)
    with pytest.raises(SpecError, match=r"no parameter of knobs 'cuont'. Did you mean 'count'\?"):
        amend(Knobs(), {"cuont": "4"}, "knobs.")


def test_another_default_keeps_the_fields_facts() -> None:
    item = setting_of(SGDSpec, "epochs", 2)
    assert item.default == 2 and item.metadata["unit"] == "epochs"


def test_every_setting_has_a_help_text() -> None:
    for spec in (DataSpec, SGDSpec, TrainSpec, ModelSpec, ProbeSpec):
        for item in dataclasses.fields(spec):
            assert item.metadata["help"], f"{spec.__name__}.{item.name}"


def test_the_kind_of_a_field() -> None:
    assert [field_kind(Knobs, name) for name in ("count", "rate", "loud", "mode")] == [
        int, float, bool, str,
    ]  # fmt: skip


@given(st.one_of(st.text(max_size=12), st.floats(), st.integers(), st.none(), st.booleans()))
def test_any_value_is_converted_or_a_spec_error(value: Any) -> None:
    for kind in (int, float, bool, str):
        with contextlib.suppress(SpecError):
            assert type(convert(value, kind, "x")) is kind


# -- keys -----------------------------------------------------------------------------------------


def other_than(value: Any, facts: Any) -> Any:
    """A value different from this one, valid or not: keys do not care."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, tuple):
        return (*value, 9)
    return value + 1


@pytest.mark.parametrize("spec", [RUN.data, RUN.train, RUN.model, RUN.probe, Knobs()])
def test_a_key_changes_with_every_keyed_field_and_no_other(spec: Any) -> None:
    for item in dataclasses.fields(spec):
        changed = other_than(getattr(spec, item.name), item.metadata)
        same = key(dataclasses.replace(spec, **{item.name: changed})) == key(spec)
        assert same == (not item.metadata.get("key", True)), item.name


def test_what_cannot_change_a_result_is_left_out_of_keys() -> None:
    unkeyed = {
        f"{spec.__name__}.{item.name}"
        for spec in (DataSpec, SGDSpec, TrainSpec, ModelSpec, ProbeSpec, RunSpec)
        for item in dataclasses.fields(spec)
        if not item.metadata.get("key", True)
    }
    # a hash stands for all of these, and for the file; more draws only refine
    names = (
        "root", "seed", "side", "channels", "validation", "links", "columns", "test_share",
        "encoder",
    )  # fmt: skip
    data = {f"DataSpec.{name}" for name in names}
    assert unkeyed == data | {"ModelSpec.path", "ProbeSpec.draws", "ProbeSpec.fdr"}


@pytest.mark.parametrize(
    "changes",
    [
        {"data": DataSpec("digits", fingerprint="1" * 20)},
        {"model": ModelSpec("mlp")},
        {"train": TrainSpec(lr=0.06)},
        {"forget": (1, 2)},
        {"methods": ()},
        {"methods": (MethodSpec("other", Knobs()),)},
        {"methods": (MethodSpec("knobs", Knobs(count=4)),)},
        {"retrains": 2},
        {"seed": 42},
        {"probe": ProbeSpec(taus=(0.0, 0.1))},
    ],
)
def test_the_key_of_a_run_changes_with_each_part(changes: dict[str, Any]) -> None:
    assert key(dataclasses.replace(RUN, **changes)) != key(RUN)


def test_a_key_is_the_same_in_every_process() -> None:
    assert key("a", 1, (0.5, True)) == "bfbd811b85222cea386a"


def test_a_key_tells_its_parts_apart() -> None:
    assert len({key("ab"), key("a", "b"), key(("a", "b")), key("b", "a"), key()}) == 5


def test_a_number_that_is_none_has_no_key() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        key(SGDSpec(lr=math.nan))


def test_a_spec_as_plain_data_survives_json() -> None:
    plain = to_plain(RUN)
    assert json.loads(canonical(RUN)) == plain
    assert plain["data"]["root"] == "" and "root" not in to_plain(RUN, keyed=True)["data"]


# -- text -----------------------------------------------------------------------------------------


def test_settings_are_grouped_by_owner() -> None:
    texts = ["rurk.tau=0.1", " rurk.v = 2 ", "gd.lr=1e-3", "rurk.note=a=b"]
    assert parse_settings(texts) == {
        "rurk": {"tau": "0.1", "v": "2", "note": "a=b"},
        "gd": {"lr": "1e-3"},
    }


@pytest.mark.parametrize("text", ["", "tau=1", "rurk.tau", "rurk.=1", ".tau=1", "rurk.tau=", "="])
def test_what_is_no_setting_is_told_the_form(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_settings([text])
    assert f"'{text}' is not a setting. Write method.parameter=value" in str(caught.value)


names = st.text("abcxyz_-", min_size=1, max_size=8)
values = st.text(min_size=1, max_size=12).map(str.strip).filter(bool)


@given(st.dictionaries(names, st.dictionaries(names, values, min_size=1), max_size=3))
def test_settings_come_back_as_they_were_written(settings: dict[str, dict[str, str]]) -> None:
    texts = [f"{o}.{n}={v}" for o, group in settings.items() for n, v in group.items()]
    assert parse_settings(texts) == settings


@pytest.mark.parametrize(
    ("text", "taus"),
    [
        ("0:0.4:5", (0.0, 0.1, 0.2, 0.3, 0.4)),
        ("0,0.01,0.03", (0.0, 0.01, 0.03)),
        ("0.03", (0.03,)),
        ("0.2:0.2:1", (0.2,)),
        (" 0 , 1 ", (0.0, 1.0)),
    ],
)
def test_grids_of_tau(text: str, taus: tuple[float, ...]) -> None:
    assert parse_taus(text) == taus


def test_the_papers_grid_is_a_grid() -> None:
    assert check_taus(PAPER_TAUS) == PAPER_TAUS and len(PAPER_TAUS) == 11


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "'' is not a grid of tau. Write low:high:count (0:0.4:11) or a list"),
        ("a,b", "'a,b' is not a grid of tau"),
        ("0:1", "'0:1' is not a grid of tau"),
        ("0:1:2.5", "is not a grid of tau"),
        ("0,,1", "is not a grid of tau"),
        ("-0.1,0.2", "tau must be a finite number of at least 0, but is -0.1."),
        ("0:inf:3", "tau must be a finite number"),
        ("nan", "tau must be a finite number of at least 0, but is nan."),
        ("0.2,0.1", "The values of tau must ascend"),
        ("0.1,0.1", "The values of tau must ascend"),
        ("1:0:3", "The values of tau must ascend"),
        ("0:1:0", f"A grid of tau has 1 to {MAX_TAUS} values, but '0:1:0' asks for 0."),
        ("0:1:1000000000", "asks for 1000000000."),
    ],
)
def test_what_is_no_grid_gets_its_sentence(text: str, sentence: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_taus(text)
    assert sentence in str(caught.value)


def test_no_tau_at_all() -> None:
    with pytest.raises(SpecError, match="this one has 0"):
        check_taus(())


@given(st.one_of(st.text("0123456789.,:-e ", max_size=15), st.text(max_size=15)))
def test_any_text_is_a_grid_or_a_spec_error(text: str) -> None:
    with contextlib.suppress(SpecError):
        taus = parse_taus(text)
        assert 1 <= len(taus) <= MAX_TAUS and taus[0] >= 0
        assert all(a < b for a, b in itertools.pairwise(taus))


@given(
    st.floats(0, 1, allow_nan=False),
    st.floats(0.001, 1, allow_nan=False),
    st.integers(2, 50),
)
def test_a_grid_runs_evenly_from_low_to_high(low: float, width: float, count: int) -> None:
    taus = parse_taus(f"{low!r}:{low + width!r}:{count}")
    assert len(taus) == count
    np.testing.assert_allclose(taus, np.linspace(low, low + width, count), atol=1e-9)


@dataclass(frozen=True)
class _Later:
    """Settings of which one came later, with another default than what was done before."""

    rate: float = setting(0.5, help="rate")
    order: str = setting("shuffled", help="order", before="stored")


def test_a_setting_that_came_later_leaves_earlier_keys_and_is_read_as_what_was_done_then() -> None:
    earlier = restored(_Later, {"rate": 0.25})
    assert earlier == _Later(0.25, "stored")
    assert to_plain(earlier, keyed=True) == {"rate": 0.25}
    assert to_plain(_Later(0.25), keyed=True) == {"rate": 0.25, "order": "shuffled"}
    assert restored(_Later, to_plain(_Later(0.25))) == _Later(0.25)
    with pytest.raises(SpecError, match="'speed'"):
        restored(_Later, {"speed": 1.0})
