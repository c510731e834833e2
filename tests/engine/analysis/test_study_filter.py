"""The line of text that selects studies."""

from __future__ import annotations

import math

import pytest

from engine.analysis.study_filter import parse

SETTINGS = ("seed", "rurk.lambda_f", "rurk.lr", "gd.lr", "train.schedule")


TEXTS = {"tag": "paper\nold", "name": "for the paper", "state": "✓ done", "method": "rurk\ngd"}
NUMBERS = {
    "seed": 131.0, "avg_gap": 1.5, "retain_acc": 99.0, "rurk.residual": 0.9, "rurk.lambda_f": 0.01,
}  # fmt: skip


class Row:
    """A study: seed 131, tagged paper, with a gap of 1.5 and GD's r undefined."""

    words = "✓ done\nfor the paper\ndigits\nrurk, gd"

    def text(self, field: str) -> str:
        return TEXTS.get(field, "")

    def number_of(self, field: str) -> float:
        return NUMBERS.get(field, math.nan)

    def setting(self, field: str) -> str | None:
        return {"rurk.lambda_f": "0.01", "train.schedule": "cosine"}.get(field)


@pytest.mark.parametrize(
    ("line", "selects"),
    [
        ("", True), ("digits", True), ("DIGITS rurk", True), ("cifar", False), ("-cifar", True),
        ("-digits", False), ("seed=131", True), ("seed!=131", False), ("seed=13", False),
        ("gap<2", True), ("gap>=1.5", True), ("gap<1.5", False), ("retain>95 gap<1", False),
        ("rurk.r<1", True), ("gd.r<1", False), ("gd.r>=1", False), ("tag:pap", True),
        ("tag=pap", False), ("tag=paper", True), ("tag!=paper", False), ('name:"for the"', True),
        ('"for the paper"', True), ('"paper for"', False), ("lambda_f=0.01", True),
        ("rurk.lambda_f>0.01", False), ("schedule=cosine", True), ("schedule!=cosine", False),
        ("method:gd", True), ("-state:done", False), ("-seed=131", False), ("-seed=7", True),
    ],
)  # fmt: skip
def test_all_conditions_of_a_line_must_hold(line: str, selects: bool) -> None:
    found = parse(line, SETTINGS)
    assert not found.hint
    assert found.selects(Row()) is selects


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("retain>", "'retain>' lacks a number, as in retain>95."),
        ("seed=x digits", "'seed=x' lacks a number, as in seed=131."),
        ("nonsense<3", "There is no 'nonsense' to compare."),
        ("lr<3", "There is no 'lr' to compare."),  # RURK's or GD's?
        ("tag:", "'tag:' lacks a text, as in tag:paper."),
        ("name<a", "'name<a' compares a text"),
    ],
)
def test_what_is_not_understood_is_explained_and_left_out(line: str, hint: str) -> None:
    found = parse(line, SETTINGS)
    assert found.hint.startswith(hint)
    assert found.selects(Row())


@pytest.mark.parametrize("line", ['"', '-"', "-", "=", "<3", "a=b=c", "::", 'tag:"', "\\", "∞>1"])
def test_no_line_makes_it_fail(line: str) -> None:
    found = parse(line, SETTINGS)
    assert found.selects(Row()) in (True, False)
    assert parse(line, SETTINGS) == found
