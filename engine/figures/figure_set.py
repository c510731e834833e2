"""Several figures of one study as one set: equal in size, with a manifest of their origin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import PROGRAM
from engine.errors import EngineError, SpecError, unknown
from engine.figures import catalog
from engine.figures.catalog import KINDS
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.storage import output_files

if TYPE_CHECKING:
    from engine.pipeline.pipeline import Pipeline

MANIFEST = "manifest.json"
ALL = "all"


@dataclass(frozen=True)
class FigureSet:
    """The files written into a folder, manifest last, and why other figures are missing.

    missing: kind -> reason, as a sentence.
    """

    files: tuple[Path, ...]
    missing: Mapping[str, str] = field(default_factory=dict)


def kinds_named(text: str) -> list[str]:
    """The kinds in a comma-separated list; 'all' means every kind. SpecError if unknown."""
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in names:
        if name not in KINDS and name != ALL:
            raise unknown("figure", name, [*KINDS, ALL])
    return sorted(KINDS) if ALL in names else names


def draw_set(
    pipeline: Pipeline,
    study: Study,
    kinds: Sequence[str],
    folder: Path,
    report: Reporter,
    *,
    suffix: str = ".svg",
    look: Mapping[str, Any] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> FigureSet:
    """Draw these figures into a folder, with their numbers as CSV and a manifest as JSON.

    look: options of all figures, such as width_mm, font_size and dpi; options: kind -> its own.
    A figure that cannot be drawn is omitted, and the manifest says why; SpecError if none can.
    """
    look, own = dict(look or {}), options or {}
    drawn: dict[str, list[Path]] = {}
    missing: dict[str, str] = {}
    report.expect(float(len(kinds)))
    for kind in kinds:
        report.check()
        report.stage(kind)
        try:
            options_of_kind = {**own.get(kind, {}), **look}
            drawn[kind] = catalog.figure(
                pipeline, study, kind, folder / f"{kind}{suffix}", **options_of_kind
            )
        except EngineError as error:
            missing[kind] = str(error)
        report.advance(1.0)
    if not drawn:
        raise SpecError(f"No figure could be drawn. {next(iter(missing.values()), 'Name some.')}")
    manifest = folder / MANIFEST
    text = _manifest(study, look, own, drawn, missing)
    output_files.write_text(manifest, text)
    return FigureSet((*(path for files in drawn.values() for path in files), manifest), missing)


def _manifest(
    study: Study,
    look: Mapping[str, Any],
    options: Mapping[str, Mapping[str, Any]],
    drawn: Mapping[str, Sequence[Path]],
    missing: Mapping[str, str],
) -> str:
    entries = {
        "version": PROGRAM,
        "study": study.key,
        "seed": study.spec["seed"],
        **look,
        "figures": [
            {
                "kind": kind,
                "title": KINDS[kind].title,
                "options": dict(options.get(kind, {})),
                "files": [path.name for path in files],
            }
            for kind, files in drawn.items()
        ],
        "missing": dict(missing),
    }
    return json.dumps(entries, indent=1, default=list) + "\n"
