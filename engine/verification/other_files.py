"""Files of a store that are not records: lists of forget sets, tables, interrupted trainings."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.errors import CheckpointError, EngineError
from engine.forget_sets import index_files
from engine.residual import over_seeds
from engine.runtime.progress import Reporter
from engine.spec import RunSpec, key
from engine.study import compose
from engine.training import checkpoints
from engine.verification import findings
from engine.verification.findings import Difference, Findings, Lengthy, Unchecked
from engine.verification.inspection import Look

Differences = Iterator[Difference]


def check(look: Look, found: Findings, chosen: Mapping[str, set[str]]) -> None:
    """Check every such file of the store; chosen: folder -> keys that may take long."""
    specs = list(look.specs())
    for path in sorted((look.shelf.root / "forget").glob("*.csv")):
        _tell(path, found, lambda path=path: _forgotten(path, specs))
    for path in sorted((look.shelf.root / "tables").glob("*.json")):
        _tell(path, found, lambda path=path: _table(path))
    for path in sorted((look.shelf.root / "partial").glob("*.pt")):
        may = path.stem in chosen.get("partial", ())
        _tell(path, found, lambda path=path, may=may: _partial(look, path, specs, may))


def _tell(path: Path, found: Findings, look: Any) -> None:
    found.hashed += 1
    try:
        for sentence, share in look():
            place = found.wrong if share else found.remarks
            more = "" if share else findings.ELSEWHERE
            place.append(f"{findings.short(path)}: {sentence}{more}")
    except Lengthy:
        found.lengthy += 1
    except Unchecked as error:
        found.remarks.append(f"{findings.short(path)} was not recomputed: {error}.")
    except (EngineError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        found.wrong.append(f"{findings.short(path)} is damaged: {str(error).rstrip('.')}.")


def _forgotten(path: Path, specs: list[RunSpec]) -> Differences:
    """The name of a list of samples follows from the samples and their dataset."""
    listing = index_files.read(path).indices
    if listing is None:
        raise ValueError("it lists no indices")
    indices = tuple(int(one) for one in listing)
    for spec in specs:
        if key("forget", spec.data, indices) == path.stem:
            return
    if any(key("forget", spec.data, spec.forget) == path.stem for spec in specs):
        yield "it lists other samples than its name states.", 1.0
        return
    raise Unchecked("no study in the store has this forget set")


def _table(path: Path) -> Differences:
    """Means and deviations of a table follow from its values, and its CSV agrees."""
    report = json.loads(path.read_text(encoding="utf-8"))
    for table in report["tables"]:
        for row in table["rows"]:
            for name, cell in row["cells"].items():
                yield from _cell(f"{row['name']}, {name}", cell)
        beside = path.with_suffix(".csv")
        if table["name"] != "accuracies":
            beside = path.with_name(f"{path.stem}-{table['name']}.csv")
        if beside.is_file():
            yield from _sheet(beside, table)


def _cell(place: str, cell: Mapping[str, Any]) -> Differences:
    values = [math.nan if value is None else float(value) for value in cell["values"]]
    spread = over_seeds.spread(values)
    expected = {"mean": spread.mean, "std": spread.deviation}
    for name, value in expected.items():
        known = cell.get(name)
        censored = name == "std" and cell.get("censored")
        if not censored and not _same(known, value):
            yield f"the {name} of {place} is {known}, but its values give {value}.", 1.0


def _sheet(path: Path, table: Mapping[str, Any]) -> Differences:
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    for row, line in zip(table["rows"], rows, strict=True):
        for column in table["columns"]:
            cell = row["cells"].get(column["name"], {})
            for part in ("mean", "std"):
                text = line[f"{column['name']}_{part}"]
                value = float(text) if text else None
                if not _same(value, cell.get(part), 1e-5):
                    yield (
                        f"{findings.short(path)} has {text or 'nothing'} for {column['name']} of "
                        f"{row['name']}, not {cell.get(part)}.",
                        1.0,
                    )


def _same(one: float | None, other: float | None, close: float = findings.CLOSE) -> bool:
    a, b = (math.nan if value is None else float(value) for value in (one, other))
    return math.isclose(a, b, rel_tol=close, abs_tol=close) or (math.isnan(a) and math.isnan(b))


def _partial(look: Look, path: Path, specs: list[RunSpec], chosen: bool) -> Differences:
    """An interrupted training: its hash and, if chosen, its epochs computed again."""
    state = checkpoints.read(path)
    if checkpoints.HASH not in state:
        raise CheckpointError("it carries no hash")
    if not checkpoints.hash_matches(state):
        raise CheckpointError("its content does not match its hash")
    if len(state["loss"]) != int(state["epoch"]):
        yield f"it has {len(state['loss'])} losses for {state['epoch']} epochs.", 1.0
    plain = checkpoints.facts_of(path, state)
    own = [compose.from_plain(plain["spec"])] if "spec" in plain else []
    if plain.get("key", path.stem) != path.stem:
        raise CheckpointError(f"it states the key {plain['key']}, which differs from its name")
    for spec in own or specs:
        names = [name for name, mark in compose.model_keys(spec).items() if mark == path.stem]
        if names and not chosen:
            raise Lengthy
        if names:
            now = _retraced(look, spec, names[0], int(state["epoch"]))
            certain = float(findings.alike(plain, look.device))
            parts = state.keys() & now.keys() - {"seconds", "watched", checkpoints.HASH}
            for part in sorted(parts):
                if checkpoints.fingerprint(state[part]) != checkpoints.fingerprint(now[part]):
                    yield f"its '{part}' differs when trained again.", certain
            return
    if own:
        raise CheckpointError(findings.OTHER_KEY)
    raise Unchecked("no study in the store has the settings of its training")


class _Reached(Exception):
    """The requested epoch is complete."""


class _Until:
    """Receives the checkpoints of a run, and ends it after one epoch."""

    here = 0.0

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self.state: dict[str, Any] = {}

    def begin(self) -> None:
        """Do nothing: there is no earlier checkpoint."""

    def end(self, model: object) -> None:
        """Do nothing: the training ended before the requested epoch."""

    def load(self) -> None:
        """Return None: there is no earlier checkpoint."""

    def keep(self, state: dict[str, Any]) -> None:
        """Store the state, and end the run at the requested epoch."""
        self.state = state
        if int(state["epoch"]) >= self._epoch:
            raise _Reached


def _retraced(look: Look, spec: RunSpec, name: str, epoch: int) -> dict[str, Any]:
    """The state of a training after this epoch, computed from the beginning."""
    until = _Until(epoch)
    if name != "original" and not name.startswith("retrain-"):
        look.need(spec, "original")
    plan = look.again.plan(spec)
    with contextlib.suppress(_Reached):
        look.again.work.model(plan, name, Reporter(), lambda kept: until)  # type: ignore[arg-type, return-value]
    return until.state
