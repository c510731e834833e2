"""What is killed: studies as they are made, and files as they are exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.__main__ import main
from engine.figures import catalog
from engine.pipeline.bundle import open_bundle
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.storage import hdf5
from engine.storage.store import Store
from engine.training import checkpoints
from tests.faults import whole

SMALL = ("--taus", "0:0.4:5", "--draws", "40", "--retrains", "2")


@dataclass(frozen=True)
class Study:
    """A study that `rk-engine run` makes, with words of its own."""

    name: str
    words: Sequence[str]

    def make(self, store: Path, out: Path) -> int:
        """What the process does; its exit status."""
        asked = ["run", *self.words, *SMALL, "--store", str(store), "--json", str(out)]
        return main([*asked, "--device", "cpu"])


STUDIES = (
    Study(
        "iris",
        ("--dataset", "iris", "--methods", "rurk,gd,scrub,ssd", "--set", "train.epochs=15"),
    ),
    Study(
        "digits",
        ("--dataset", "digits", "--methods", "rurk,ga,salun", "--forget", "class:8:40",
         "--set", "train.epochs=8", "--set", "rurk.epochs=2"),
    ),
)  # fmt: skip


def figures(out: Path) -> Any:
    """What a finished study says, but for times."""
    return whole.figures(out.read_text(encoding="utf-8"))


def export(store: Path, folder: Path) -> int:
    """Export figures, weights and a bundle of the one study in a store."""
    pipeline = Pipeline(Store(store), "cpu")
    study = pipeline.study(pipeline.store.keys("studies")[0])
    report = Reporter()
    for kind, name in (("curves", "c.pdf"), ("metrics", "m.svg"), ("curves", "c.png")):
        report.stage(f"export {kind}")
        catalog.figure(pipeline, study, kind, folder / name)
    report.stage("export checkpoint")
    pipeline.export_checkpoint(pipeline.spec_of(study), "rurk", folder / "rurk.pt")
    pipeline.save_bundle(study, folder / "study.rkx", {"a": 1}, report)
    report.stage("export ended")
    return 0


def exported(folder: Path, scratch: Path) -> Mapping[str, str]:
    """File -> hash of what it says, of those that are there; all of them are whole."""
    found = {}
    for path in sorted(folder.iterdir()):
        assert not path.name.startswith("."), path
        found[path.name] = _said(path, scratch)
    return found


def _said(path: Path, scratch: Path) -> str:
    if path.suffix == ".rkx":
        return _brought(path, scratch)
    if path.suffix == ".pt":
        return checkpoints.fingerprint(checkpoints.load(path)[0])
    data = path.read_bytes()
    if path.suffix == ".pdf":
        assert data.startswith(b"%PDF") and data.rstrip().endswith(b"%%EOF"), path
        return ""  # it carries its date
    if path.suffix == ".png":
        assert data.endswith(b"IEND\xaeB`\x82"), path
    if path.suffix == ".svg":
        assert data.rstrip().endswith(b"</svg>"), path
        return ""
    return whole.text_of(path)


def _brought(path: Path, scratch: Path) -> str:
    """Open a bundle in a store of its own; the hash of all that came."""
    open_bundle(Store(scratch), path, Reporter())
    return hdf5.digest(hdf5.GroupContent(whole.answers(scratch / "imported")))
