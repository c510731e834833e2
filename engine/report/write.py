"""Writing a study's report as HTML, PDF or both, with the same content."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import SpecError
from engine.report import figures, html
from engine.report.content import Subject, document, subject
from engine.report.document import Document
from engine.report.figures import Shown
from engine.results import Study
from engine.runtime.libraries import require
from engine.runtime.progress import Reporter
from engine.storage import output_files

if TYPE_CHECKING:
    from engine.pipeline.pipeline import Pipeline

HTML, PDF = (".html", ".htm"), ".pdf"


def write(
    pipeline: Pipeline,
    study: Study,
    files: Sequence[Path],
    report: Reporter,
    texts: Sequence[str] = (),
    shown: Shown | None = None,
) -> list[Path]:
    """Write the report to each file in the format of its suffix, atomically; returns the files.

    texts: candidate descriptions of the forget set, such as 'class:8:0.5'; shown: kind -> options
    of what is on the screen, which its figures then show, too. What is not in the store is
    computed, except for embeddings and slices that are not shown. SpecError for another suffix,
    StoreError if a file cannot be written.
    """
    check(files)
    with tempfile.TemporaryDirectory(prefix="rk-report-") as folder:
        found = subject(pipeline, study, texts, report)
        whole = _drawn(found, Path(folder), files, report, shown)
        for path in files:
            made = _bytes(whole, path, study)
            with output_files.output(path) as aside:
                aside.write_bytes(made)
    return list(files)


def _drawn(
    found: Subject, folder: Path, files: Sequence[Path], report: Reporter, shown: Shown | None
) -> Document:
    """The document with its figures, drawn for the formats of the files."""
    kinds = {path.suffix.lower() for path in files}
    html = bool(kinds - {PDF})
    if PDF not in kinds:
        drawn = figures.draw(found.pipeline, found.study, folder, report, shown=shown)
        return document(found, drawn)
    from engine.figures.booklet import Booklet

    booklet = Booklet(folder / "figures.pdf")
    try:
        drawn = figures.draw(
            found.pipeline, found.study, folder, report, html=html, booklet=booklet, shown=shown
        )
    finally:
        booklet.close()
    return replace(document(found, drawn), booklet=booklet.file if booklet.pages else None)


def check(files: Sequence[Path]) -> None:
    """SpecError for a suffix that is not a report's, or a missing library."""
    require("matplotlib", "Reports need")
    for path in files:
        if path.suffix.lower() not in (*HTML, PDF):
            raise SpecError(f"A report's file name ends in .html or .pdf; '{path.name}' does not.")
    if any(path.suffix.lower() == PDF for path in files):
        require("fpdf", "Reports as PDF need")
        require("pypdf", "Reports as PDF need")


def _bytes(whole: Document, path: Path, study: Study) -> bytes:
    if path.suffix.lower() != PDF:
        return html.page(whole).encode()
    from engine.report import pdf

    return pdf.write(whole, _made(study))


def _made(study: Study) -> datetime | None:
    """When the study was computed, so that reports of the same study are identical."""
    try:
        return datetime.fromisoformat(study.created)
    except ValueError:
        return None
