"""A session: everything that makes the window as it was. JSON, written by us, read from anyone.

What is read may come from a stranger, so types and sizes are checked, unknown keys are ignored,
and no network of a Python file of theirs is taken over: naming such a file would run it.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from engine.errors import SpecError
from explorer import forget_sets, grid
from explorer.forget_sets import Sets
from explorer.state import AppState, Selection, StudyForm

T = TypeVar("T")
FORMAT, SCHEMA = "rk-explorer session", 1
SUFFIX = ".json"
LARGEST = 1 << 25  # characters of a session
MOST_SAMPLES = 5_000_000
MOST_NAMES = 1000  # of views, methods, settings
LONGEST_PATH = 4096  # characters
LONGEST_TEXT = 100_000
COUNTS, WORDS = ("seed", "retrains", "draws"), ("perturbation", "taus")  # a grid's, of the study
WRONG = "This is no session that can be opened: {}. Open another, or start anew."


@dataclass(frozen=True)
class Look:
    """How the window looks. theme: 'light', 'dark', 'system' or '' (leave it); geometry, layout:
    Qt's own bytes as base64; views: name -> what that view keeps."""

    theme: str = ""
    geometry: str = ""
    layout: str = ""
    views: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Session:
    """What to bring back once the dataset called for is loaded again.

    fingerprint: of the data that indices refer to; study: key of the one that is shown, or '';
    sets: the dataset's named forget sets.
    """

    form: StudyForm = field(default_factory=StudyForm)
    fingerprint: str = ""
    selection: Selection = field(default_factory=Selection)
    forget: tuple[int, ...] = ()
    probe: tuple[str, float] = ("", -1.0)
    ranked_by: str = ""
    study: str = ""
    sets: Sets = field(default_factory=dict)
    look: Look = field(default_factory=Look)


def of(state: AppState, look: Look) -> Session:
    """The session of a window that shows this state and looks like this; cheap."""
    mark = state.dataset.spec.fingerprint if state.dataset else ""
    return Session(
        state.form,
        mark,
        state.selection,
        state.forget,
        state.probe,
        state.ranked_by,
        state.study.key if state.study else "",
        state.forget_sets.get(mark, {}),
        look,
    )


def as_plain(session: Session) -> dict[str, Any]:
    """The session as JSON data."""
    selection = session.selection
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "form": {**asdict(session.form), "methods": list(session.form.methods)},
        "fingerprint": session.fingerprint,
        "current": selection.current,
        "chosen": sorted(selection.chosen),
        "forget": list(session.forget),
        "probe": {"perturbation": session.probe[0], "tau": session.probe[1]},
        "ranked_by": session.ranked_by,
        "study": session.study,
        "sets": {name: list(one) for name, one in session.sets.items()},
        "look": asdict(session.look),
    }


def as_text(session: Session) -> str:
    """The session as the text of a file."""
    return json.dumps(as_plain(session), indent=1)


def parse(text: str) -> Session:
    """The session in a text; SpecError, a sentence, for whatever is none."""
    if len(text) > LARGEST:
        raise SpecError(WRONG.format("it is far too long"))
    try:
        plain = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise SpecError(WRONG.format("it is not JSON")) from error
    return from_plain(plain)


def from_plain(plain: Any) -> Session:
    """The session in JSON data; SpecError, a sentence, for whatever is none."""
    top = _Fields(plain, "the file")
    if top.text("format", 64) != FORMAT:
        raise SpecError(WRONG.format("it was not written by 'Save session'"))
    schema = top.whole("schema", 0)
    if schema != SCHEMA:
        newer = schema > SCHEMA
        raise SpecError(
            f"This session was saved by {'a newer' if newer else 'another'} version (schema "
            f"{schema}, this one reads {SCHEMA}). Open it there, or update RK Explorer."
        )
    current = None if top.get("current") is None else top.whole("current", 0)
    probe = top.part("probe")
    return Session(
        _form(top.part("form")),
        top.text("fingerprint", 64),
        Selection(current, frozenset(top.indices("chosen"))),
        tuple(sorted(set(top.indices("forget")))),
        (probe.text("perturbation", 64), probe.number("tau", -1.0)),
        top.text("ranked_by", 64),
        top.text("study", 64),
        _sets(top.part("sets")),
        _look(top.part("look")),
    )


def portable(session: Session) -> Session:
    """The session without what belongs to one person's screen: theme and place of the window."""
    return replace(session, look=replace(session.look, theme="", geometry=""))


class _Fields:
    """A JSON object whose fields are read with a type and a size; SpecError names a wrong one."""

    def __init__(self, plain: Any, where: str) -> None:
        if not isinstance(plain, dict):
            raise SpecError(WRONG.format(f"{where} holds no fields"))
        if len(plain) > MOST_NAMES:
            raise SpecError(WRONG.format(f"{where} has {len(plain):,} fields"))
        self.names: list[str] = list(plain)
        self.plain, self._where = plain, where

    def get(self, name: str) -> Any:
        """The field as it is, None where it is missing."""
        return self.plain.get(name)

    def part(self, name: str) -> _Fields:
        """A field that holds fields; missing, it holds none."""
        return _Fields(self.plain.get(name, {}), f"'{name[:40]}'")

    def text(self, name: str, longest: int, default: str = "") -> str:
        """A field of text."""
        return self.checked(name, default, lambda one: isinstance(one, str) and len(one) <= longest)

    def whole(self, name: str, default: int, largest: int = 10**18) -> int:
        """A field with a whole number of at least 0."""
        return self.checked(name, default, lambda one: _whole(one) and one <= largest)

    def number(self, name: str, default: float) -> float:
        """A field with a finite number."""
        return float(self.checked(name, default, _finite))

    def indices(self, name: str) -> list[int]:
        """A field that lists sample numbers."""
        return self.checked(name, [], _indices)

    def values(self, name: str) -> dict[str, Any]:
        """A field of settings: names with numbers, text, yes or no, or lists of these."""
        part = self.part(name)
        return {one: part.checked(one, None, _value) for one in part.names}

    def checked(self, name: str, default: T, fits: Callable[[Any], bool]) -> T:
        """A field for which `fits` holds, the default where it is missing."""
        value = self.plain.get(name, default)
        if not fits(value) and name in self.plain:
            raise SpecError(WRONG.format(f"'{name[:40]}' in {self._where} is of the wrong kind"))
        found: T = value
        return found


def _form(plain: _Fields) -> StudyForm:
    known = StudyForm()
    settings, model = plain.part("settings"), plain.text("model", LONGEST_PATH)
    return StudyForm(
        dataset=plain.text("dataset", 200, known.dataset),
        root=plain.text("root", LONGEST_PATH),
        side=plain.whole("side", known.side, 10_000),
        model="" if ":" in model else model,  # FILE.py:FUNCTION would be run
        forget=plain.text("forget", LONGEST_TEXT),
        methods=_names(plain, "methods", known.methods),
        settings={name: settings.values(name) for name in settings.names},
        training=plain.values("training"),
        retrains=plain.whole("retrains", known.retrains, 1000),
        seed=plain.whole("seed", known.seed),
        perturbation=plain.text("perturbation", 64, known.perturbation),
        taus=plain.text("taus", LONGEST_TEXT),
        draws=plain.whole("draws", known.draws, 10**9),
        probe=plain.values("probe"),
        grid=_grid(plain.values("grid")),
        weights=_paths(plain.part("weights")),
    )


def _names(plain: _Fields, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    found = plain.checked(name, list(default), _few_texts)
    return tuple(found)


def _grid(found: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    for path, values in found.items():
        if not isinstance(values, list) or not all(_sweepable(path, one) for one in values):
            raise SpecError(WRONG.format(f"'{path[:40]}' in 'grid' lists no values for it"))
    return {path: tuple(values) for path, values in found.items()}


def _sweepable(path: str, value: Any) -> bool:
    """Whether this setting may have this value; those of methods are checked when they are used."""
    owner, _, name = path.partition(".")
    if owner != grid.STUDY:
        return True
    return _whole(value) if name in COUNTS else isinstance(value, str) and name in WORDS


def _paths(plain: _Fields) -> dict[str, str]:
    return {name: plain.text(name, LONGEST_PATH) for name in plain.names}


def _sets(plain: _Fields) -> Sets:
    lists = {name: plain.indices(name) for name in plain.names}
    return forget_sets.read({"": lists}).get("", {})


def _look(plain: _Fields) -> Look:
    views = plain.part("views")
    return Look(
        plain.text("theme", 16),
        _encoded(plain, "geometry"),
        _encoded(plain, "layout"),
        {name: views.part(name).plain for name in views.names},
    )


def _encoded(plain: _Fields, name: str) -> str:
    text = plain.text(name, LONGEST_TEXT)
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SpecError(WRONG.format(f"'{name}' is no base64")) from error
    return text


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 1e15 and math.isfinite(value)


def _indices(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_SAMPLES
        and all(_whole(one) and one < 2**31 for one in value)
    )


def _few_texts(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_NAMES
        and all(isinstance(one, str) and len(one) <= 200 for one in value)
    )


def _scalar(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_PATH
    return value is None or isinstance(value, bool) or _finite(value)


def _value(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= MOST_NAMES and all(map(_scalar, value))
    return _scalar(value)


def _no_number(text: str) -> float:
    raise ValueError(text)
