"""Numbers are shown and read as people write them, and mean what they meant."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SpecError
from engine.spec import PAPER_TAUS, parse_taus
from explorer.state.number_text import grid_spec, grid_text, number_of, text_of


@pytest.mark.parametrize(
    ("number", "text"),
    [(2 / 255, "2/255"), (8 / 255, "8/255"), (0.2, "0.2"), (1.0, "1"), (1e-5, "1e-05"),
     (0.007843137255, "0.007843137255"), (0.03, "0.03"), (0.0, "0")],
)  # fmt: skip
def test_a_number_is_written_as_a_person_would(number: float, text: str) -> None:
    assert text_of(number) == text and number_of(text) == number


@pytest.mark.parametrize("text", ["", "a", "1/0", "1/", "/2", "1/2/3", "1 2"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"convert|divides"):
        number_of(text)


@pytest.mark.parametrize(
    ("spec", "text"),
    [("0:0.4:11", "0 to 0.4 in 11"), ("0,0.1,0.2", "0 to 0.2 in 3"), ("0,0.1,0.3", "0, 0.1, 0.3"),
     ("0,0.2", "0, 0.2"), ("0.1", "0.1"), ("nonsense", "nonsense"),
     ("0,0.0078431373,0.0156862745", "0 to 4/255 in 3")],
)  # fmt: skip
def test_a_grid_is_written_as_a_range_where_it_is_one(spec: str, text: str) -> None:
    assert grid_text(spec) == text


@pytest.mark.parametrize(
    ("text", "spec"),
    [("0 to 0.4 in 11", "0:0.4:11"), ("0..0.4 in 11", "0:0.4:11"), ("0:0.4:11", "0:0.4:11"),
     (" 0 , 2/255,4/255 ", "0,0.007843137255,0.01568627451"), ("0 TO 8/255 IN 5",
     "0:0.03137254902:5")],
)  # fmt: skip
def test_a_grid_is_read_in_several_notations(text: str, spec: str) -> None:
    assert grid_spec(text) == spec


@pytest.mark.parametrize("text", ["", "0 to", "0, x", "0.2, 0.1", "0:-1:3", "0 to 1 in 0", "nan"])
def test_what_is_no_grid_is_refused_with_advice(text: str) -> None:
    with pytest.raises(SpecError):
        grid_spec(text)


def test_the_papers_grid_is_listed_as_published() -> None:
    text = grid_text(",".join(map(str, PAPER_TAUS)))
    assert text.startswith("0, 0.0031, 0.0063") and parse_taus(grid_spec(text)) == PAPER_TAUS


@given(st.lists(st.floats(0, 2), min_size=1, max_size=30))
def test_what_is_shown_of_a_grid_is_that_grid(values: list[float]) -> None:
    taus = tuple(sorted({round(value, 10) for value in values}))
    spec = ",".join(f"{tau:.10g}" for tau in taus)
    assert parse_taus(grid_spec(grid_text(spec))) == parse_taus(spec)


@given(st.floats(1e-12, 1e12) | st.floats(-1e12, -1e-12) | st.just(0.0))
def test_what_is_shown_of_a_number_is_that_number_to_ten_digits(number: float) -> None:
    assert math.isclose(number_of(text_of(number)), number, rel_tol=1e-9, abs_tol=1e-300)
