"""The short version: some hundred made-up inputs for every parser, the same ones every time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import windows
from scene import HELD, scene
from targets import TARGETS, Target
from tries import Found, attempt, bounded, drawn, tried

from engine.errors import EngineError

FEW, SOME, FREE = 40, 400, 100  # inputs: of slow parsers, of the others, of hypothesis


@pytest.fixture(scope="module", autouse=True)
def _scene() -> Iterator[None]:
    with HELD:
        yield
        scene.cache_clear()
        windows.close()


@pytest.mark.parametrize("target", TARGETS, ids=[one.name for one in TARGETS])
def test_no_input_raises_anything_but_an_error_of_ours(target: Target) -> None:
    found = tried(target, FEW if target.slow else SOME, seed=0)
    assert not found.findings
    assert target.lenient or found.refused  # some inputs are wrong, or nothing was tried


@pytest.mark.parametrize(
    "target", [one for one in TARGETS if one.text], ids=[one.name for one in TARGETS if one.text]
)
def test_no_text_at_all_raises_anything_but_an_error_of_ours(target: Target) -> None:
    assert not drawn(target, FREE, seed=0).findings


def test_a_file_that_a_parser_writes_is_found() -> None:
    names = Target(
        "made up", lambda rng: f"{rng.randrange(9)}.csv", lambda name: Path(name).touch()
    )
    found = tried(names, 1, seed=0)
    assert found.findings.keys() == {"a file was written"}
    assert not tried(Target("made up", str, len), 1, seed=0).findings


def test_another_error_and_a_hang_are_found() -> None:
    def wrong(made: str) -> None:
        if made == "hang":
            with bounded(0.05):
                while True:
                    pass
        raise {"ours": EngineError("a sentence"), "theirs": IndexError("0")}[made]

    found = Found("made up")
    for made in ("ours", "theirs", "hang"):
        attempt(Target("made up", str, wrong), made, found)
    assert (found.inputs, found.refused) == (3, 1)
    assert sorted(what.split()[0] for what in found.findings) == ["Hang", "IndexError"]
