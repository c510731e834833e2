"""A session: everything needed to restore the window, as JSON.

A session file may come from a third party, so types and sizes are checked, unknown keys are
ignored, and a network defined in a Python file is never restored: loading it would run the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.errors import SpecError
from engine.external.network_spec import in_file
from explorer.state import forget_sets, form_grid
from explorer.state import window_layout as layouts
from explorer.state.app_state import AppState
from explorer.state.forget_sets import Sets
from explorer.state.json_fields import (
    LONGEST_PATH,
    LONGEST_TEXT,
    WRONG,
    Fields,
    is_natural,
    is_text_list,
)
from explorer.state.queued_run import UNFINISHED, Order
from explorer.state.remembered import MOST as MOST_DATASETS
from explorer.state.remembered import LeftDataset, Remembered
from explorer.state.selection import Selection
from explorer.state.study_form import StudyForm
from explorer.state.window_layout import Frame, Layout

FORMAT, SCHEMA = "rk-explorer session", 1
SUFFIX = ".json"
LARGEST = 1 << 25  # characters of a session
COUNTS, WORDS = ("seed", "retrains", "draws"), ("perturbation", "taus")  # sweepable settings


@dataclass(frozen=True)
class Look:
    """Appearance of the window. theme: 'light', 'dark', 'system' or '' (leave it); window, docks:
    their geometry, None to leave them; views: name -> state of that view; workspace: the one whose
    docks these are, '' for none."""

    theme: str = ""
    window: Frame | None = None
    docks: Layout | None = None
    views: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    workspace: str = ""


@dataclass(frozen=True)
class Session:
    """What to restore once the dataset is loaded again.

    fingerprint: of the data that indices refer to; study: key of the shown one, or '';
    sets: the dataset's saved forget sets; queue: the unfinished studies, next one first;
    remembered: what was chosen on other datasets.
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
    queue: tuple[Order, ...] = ()
    remembered: Remembered = ()


def capture(state: AppState, look: Look) -> Session:
    """The session of a window with this state and appearance; cheap."""
    fingerprint = state.dataset.spec.fingerprint if state.dataset else ""
    return Session(
        state.form,
        fingerprint,
        state.selection,
        state.forget,
        state.probe,
        state.ranked_by,
        state.study.key if state.study else "",
        state.forget_sets.get(fingerprint, {}),
        look,
        _unfinished(state),
        tuple(left for left in state.remembered if _is_restorable(left.form)),
    )


def as_plain(session: Session) -> dict[str, Any]:
    """The session as JSON data."""
    selection = session.selection
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "form": _plain_form(session.form),
        "fingerprint": session.fingerprint,
        "current": selection.current,
        "chosen": sorted(selection.chosen),
        "forget": list(session.forget),
        "probe": {"perturbation": session.probe[0], "tau": session.probe[1]},
        "ranked_by": session.ranked_by,
        "study": session.study,
        "sets": {name: list(indices) for name, indices in session.sets.items()},
        "look": _plain_look(session.look),
        "queue": _plain_queue(session.queue),
        "remembered": _plain_remembered(session.remembered),
    }


def as_text(session: Session) -> str:
    """The session as the text of a file."""
    return json.dumps(as_plain(session), indent=1)


def parse(text: str) -> Session:
    """The session in a text; raises SpecError if it is not a valid session."""
    if len(text) > LARGEST:
        raise SpecError(WRONG.format("it is too long"))
    try:
        plain = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise SpecError(WRONG.format("it is not JSON")) from error
    return from_plain(plain)


def from_plain(plain: Any) -> Session:
    """The session in JSON data; raises SpecError if it is not a valid session."""
    top = Fields(plain, "the file")
    if top.text("format", 64) != FORMAT:
        raise SpecError(WRONG.format("it was not written by 'Save session'"))
    schema = top.natural("schema", 0)
    if schema != SCHEMA:
        newer = schema > SCHEMA
        raise SpecError(
            f"This session was saved by {'a newer' if newer else 'another'} version (schema "
            f"{schema}, this one reads {SCHEMA}). Open it there, or update RK Explorer."
        )
    current = None if top.get("current") is None else top.natural("current", 0)
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
        _queue(top.part("queue")),
        _remembered(top.part("remembered")),
    )


def portable(session: Session) -> Session:
    """The session without personal parts: theme, window geometry, queue and other datasets."""
    look = replace(session.look, theme="", window=None)
    return replace(session, look=look, queue=(), remembered=())


def _unfinished(state: AppState) -> tuple[Order, ...]:
    """Unfinished orders, the next one first, without those whose network is a Python file."""
    runs = [run for run in state.runs if run.state in UNFINISHED and _is_restorable(run.order.form)]
    return tuple(run.order for run in sorted(runs, key=lambda run: UNFINISHED.index(run.state)))


def _is_restorable(form: StudyForm) -> bool:
    """Whether its network is not a Python file, which is never restored."""
    return not in_file(form.model)


def _plain_form(form: StudyForm) -> dict[str, Any]:
    """The form as JSON data, without `links`, which must be confirmed each time."""
    plain = {**asdict(form), "methods": list(form.methods)}
    del plain["links"]
    return plain


def _plain_queue(queue: Sequence[Order]) -> dict[str, Any]:
    """The orders of a queue; each forget set is stored once, since a grid shares one."""
    places = {forget: index for index, forget in enumerate({order.forget: 0 for order in queue})}
    orders = [
        {
            "form": _plain_form(order.form),
            "forget": places[order.forget],
            "fingerprint": order.fingerprint,
            "label": order.label,
            "swept": order.swept,
        }
        for order in queue
    ]
    return {
        "forget": {str(index): list(forget) for forget, index in places.items()},
        "orders": orders,
    }


def _plain_remembered(datasets: Remembered) -> dict[str, Any]:
    """Other datasets: like a queue, and the key of the study that was shown on each."""
    orders = [Order(left.form, left.forget, left.fingerprint, left.study) for left in datasets]
    return _plain_queue(orders)


def _remembered(plain: Fields) -> Remembered:
    return tuple(
        LeftDataset(order.form, order.forget, order.fingerprint, order.label)
        for order in _queue(plain)
    )[-MOST_DATASETS:]


def _queue(plain: Fields) -> tuple[Order, ...]:
    forget = plain.part("forget")
    sets = {name: tuple(sorted(set(forget.indices(name)))) for name in forget.names}
    listed: list[Any] = plain.checked("orders", [], _is_short_list)
    orders = [Fields(item, "'orders'") for item in listed]
    return tuple(_order(item, sets) for item in orders if not _runs_code(item.part("form")))


def _runs_code(form: Fields) -> bool:
    """Whether the network is a Python file; with another network it would be another study."""
    return in_file(form.text("model", LONGEST_PATH))


def _order(plain: Fields, sets: Mapping[str, tuple[int, ...]]) -> Order:
    place = str(plain.natural("forget", 0))
    if place not in sets:
        raise SpecError(WRONG.format("a study in its queue has no forget set"))
    return Order(
        _form(plain.part("form")),
        sets[place],
        plain.text("fingerprint", 64),
        plain.text("label", 200),
        plain.text("swept", LONGEST_TEXT),
    )


def _is_short_list(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= form_grid.MOST


def _form(plain: Fields) -> StudyForm:
    default = StudyForm()
    settings, model = plain.part("settings"), plain.text("model", LONGEST_PATH)
    normalize = plain.text("normalize", LONGEST_TEXT)
    return StudyForm(
        dataset=plain.text("dataset", 200, default.dataset),
        root=plain.text("root", LONGEST_PATH),
        side=plain.natural("side", default.side, 10_000),
        channels=plain.text("channels", 16, default.channels),
        validation=plain.number("validation", default.validation),
        columns=plain.text("columns", LONGEST_TEXT),
        test_share=plain.number("test_share", default.test_share),
        encoder=plain.text("encoder", LONGEST_PATH),
        model="" if in_file(model) else model,  # FILE.py:FUNCTION would run the file
        normalize="" if in_file(model) else normalize,
        forget=plain.text("forget", LONGEST_TEXT),
        methods=_names(plain, "methods", default.methods),
        settings={name: settings.values(name) for name in settings.names},
        training=plain.values("training"),
        retrains=plain.natural("retrains", default.retrains, 1000),
        seed=plain.natural("seed", default.seed),
        perturbation=plain.text("perturbation", 64, default.perturbation),
        taus=plain.text("taus", LONGEST_TEXT),
        draws=plain.natural("draws", default.draws, 10**9),
        probe=plain.values("probe"),
        grid=_grid(plain.values("grid")),
        weights=_paths(plain.part("weights")),
        watch=plain.checked("watch", default.watch, lambda value: isinstance(value, bool)),
    )


def _names(plain: Fields, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    names = plain.checked(name, list(default), is_text_list)
    return tuple(names)


def _grid(plain: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    for path, values in plain.items():
        if not isinstance(values, list) or not all(_sweepable(path, value) for value in values):
            raise SpecError(WRONG.format(f"'{path[:40]}' in 'grid' lists invalid values"))
    return {path: tuple(values) for path, values in plain.items()}


def _sweepable(path: str, value: Any) -> bool:
    """Whether this setting may have this value; method settings are checked when used."""
    owner, _, name = path.partition(".")
    if owner != form_grid.STUDY:
        return True
    return is_natural(value) if name in COUNTS else isinstance(value, str) and name in WORDS


def _paths(plain: Fields) -> dict[str, str]:
    return {name: plain.text(name, LONGEST_PATH) for name in plain.names}


def _sets(plain: Fields) -> Sets:
    lists = {name: plain.indices(name) for name in plain.names}
    return forget_sets.read({"": lists}).get("", {})


def _plain_look(look: Look) -> dict[str, Any]:
    plain: dict[str, Any] = {"theme": look.theme}
    if look.window is not None:
        plain["window"] = layouts.frame_as_plain(look.window)
    if look.docks is not None:
        plain["docks"] = layouts.as_plain(look.docks)
    if look.workspace:
        plain["workspace"] = look.workspace
    return plain | {"views": {name: dict(view_state) for name, view_state in look.views.items()}}


def _look(plain: Fields) -> Look:
    """Ignores 'geometry' and 'layout' of earlier versions: untrusted bytes for Qt."""
    views = plain.part("views")
    window, docks = plain.get("window"), plain.get("docks")
    return Look(
        plain.text("theme", 16),
        None if window is None else layouts.frame_from_plain(window),
        None if docks is None else layouts.from_plain(docks),
        {name: views.part(name).plain for name in views.names},
        plain.text("workspace", 40),
    )


def _no_number(text: str) -> float:
    raise ValueError(text)
