"""Every exported figure of the example study at the widths of one and two columns."""

from __future__ import annotations

import tempfile
from importlib.resources import as_file
from pathlib import Path

from engine.errors import EngineError
from engine.figures.catalog import KINDS, figure
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.storage.store import Store
from engine.study import example

WIDTHS_MM = (89, 183)


def write_figures(out: Path) -> list[Path]:
    """Write a PNG of each kind and width into `out`; returns their paths."""
    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    with tempfile.TemporaryDirectory() as folder:
        pipeline = Pipeline(Store(Path(folder)), "cpu")
        try:
            with as_file(example.bundle()) as bundle:
                pipeline.open_bundle(bundle, Reporter(), example.SOURCE)
            study = pipeline.study(example.key())
            for kind in KINDS:
                for width in WIDTHS_MM:
                    place = out / f"{kind}-{width}mm.png"
                    try:
                        figure(pipeline, study, kind, place, width_mm=width)
                        written.append(place)
                    except EngineError as error:
                        print(f"{kind} at {width} mm: {error}")
        finally:
            pipeline.close()
    return written
