"""The README is short, its links lead somewhere, and its command lines are ones that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from engine import registry
from engine.__main__ import parser
from explorer.__main__ import parser as window_parser

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")
LINES = 285
COMMANDS = re.findall(r"^rk-engine .*$", TEXT.replace("\\\n", " "), re.M)
PROSE = " ".join(re.sub(r"```.*?```", "", TEXT, flags=re.S).split())
INLINE = [code for code in re.findall(r"`([^`]+)`", PROSE) if code.startswith("rk-engine ")]


def words_of(line: str) -> list[str]:
    """The words after the program, with what stands for a name filled in."""
    stands = {"KEY": "0123456789", "PRESET": "digits"}
    return [stands.get(word, word) for word in shlex.split(line)[1:]]


def test_it_is_short() -> None:
    assert len(TEXT.splitlines()) <= LINES


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)]+)\)", TEXT))
def test_links_and_pictures_are_there(target: str) -> None:
    assert (ROOT / target).exists()


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_one_that_there_is(line: str) -> None:
    assert callable(parser().parse_args(words_of(line)).command)


@pytest.mark.parametrize("line", [one for one in INLINE if "--help" not in one])
def test_so_is_one_in_a_sentence(line: str) -> None:
    words = words_of(line)
    known = next(one.choices for one in parser()._actions if isinstance(one.choices, dict))
    options = " ".join(known[words[0]].format_help().split())
    assert all(word in options for word in words if word.startswith("--"))


def test_the_window_s_line_is_one_that_there_is() -> None:
    (line,) = re.findall(r"rk-explorer (--demo [^`]+)", PROSE)
    assert window_parser().parse_args(shlex.split(line)).demo


@pytest.mark.parametrize("kind", ["dataset", "model", "method"])
def test_every_built_in_is_named(kind: str) -> None:
    named = set(re.findall(r"`([a-z0-9-]+)`", TEXT))
    assert set(registry.names(kind)) - {"retrain"} <= named
