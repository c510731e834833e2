"""Suggestions for the forget set can be read, and choose what they say."""

from __future__ import annotations

import doctest

import pytest

from explorer.app import Explorer
from explorer.window import forget_words
from explorer.window.forget_words import in_words


def test_the_examples_of_the_docstring_hold() -> None:
    assert doctest.testmod(forget_words).failed == 0


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("class:Shirt:0.25", "25 % of Shirt (class:Shirt:0.25)"),
        ("class:0", "all of Trouser (class:0)"),
        ("class:9", "all of class 9 (class:9)"),
        ("random:100", "100 at random (random:100)"),
        ("files:names.txt", "files:names.txt"),
    ],
)
def test_a_spec_in_words(spec: str, words: str) -> None:
    assert in_words(spec, ["Trouser", "Shirt"]) == words


def test_a_suggestion_in_words_is_written_as_the_command_line_reads_it(
    explorer: Explorer,
) -> None:
    bar = explorer.window.bar
    place = bar.forget.findData("random:10%")
    assert bar.forget.itemText(place) == "10 % at random (random:10%)"
    bar.forget.setCurrentIndex(place)
    bar.forget.activated.emit(place)
    assert explorer.state.form.forget == "random:10%"
    assert bar.forget.currentText() == "random:10%"
