"""The commands of `rk-engine`; each imports its heavy modules itself."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import SpecError
from engine.figures import catalog
from engine.figures.catalog import KINDS
from engine.figures.figure_set import ALL, MANIFEST
from engine.storage import output_files
from engine.storage.paths import is_file, matching

if TYPE_CHECKING:
    from engine.datasets.base import Dataset
    from engine.pipeline.pipeline import Pipeline
    from engine.spec import RunSpec
    from engine.sweeps.sweep import SweepRun

WRONG = 1  # exit status of `verify` where something is wrong
RETRAINS = 3


def pipeline_of(options: argparse.Namespace) -> Pipeline:
    """The pipeline of the store and device in the options."""
    from engine.pipeline.pipeline import Pipeline
    from engine.storage.store import Store, default_store

    store = Store(options.store or default_store(), say=say)
    return Pipeline(store, getattr(options, "device", "auto"))


def say(message: str) -> None:
    """Print a message to standard error, if there is one."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):  # a closed pipe: nobody reads it
            print(f"rk-engine: {message}", file=sys.stderr)


def run(options: argparse.Namespace) -> None:
    """Train, unlearn and measure one study or a grid, and print the results."""
    write_results(options, *computed(options))


def computed(
    options: argparse.Namespace, check: Callable[[Dataset], None] = lambda _: None
) -> tuple[Pipeline, Sequence[SweepRun]]:
    """The studies that the options of `run` ask for; check: raises where the data do not fit."""
    from engine import registry
    from engine.runtime.console import ConsoleReporter
    from engine.spec import DataSpec, as_imported
    from engine.sweeps.sweep import grid, run_grid

    registry.get("dataset", options.dataset)
    points = grid(options.set)
    arguments = compose_arguments(options)
    output_files.check(options.json, options.csv)
    pipeline = pipeline_of(options)
    with ConsoleReporter() as report:
        data = DataSpec(
            options.dataset, options.root, options.seed, options.side,
            channels=options.channels, validation=options.validation, links=options.links,
            columns=options.columns, test_share=options.test_share, encoder=options.encoder,
        )  # fmt: skip
        dataset = pipeline.dataset(data, report)
        check(dataset)
        arguments["forget"] = _forget_indices(options, dataset)
        compose = functools.partial(pipeline.compose, dataset, **arguments)
        trusts_imported = options.trust_imported

        def spec_of(settings: Mapping[str, Mapping[str, Any]]) -> RunSpec:
            spec = compose(settings=settings)
            return as_imported(spec) if trusts_imported else spec

        runs = run_grid(pipeline, points, spec_of, report)
    return pipeline, runs


def _forget_indices(options: argparse.Namespace, dataset: Dataset) -> tuple[int, ...]:
    """The forget set, read once; for a list, its size is reported."""
    from engine.forget_sets.forget_set import LISTS, forget_set

    text = options.forget or dataset.recommended.forget
    samples = forget_set(text, dataset, options.seed)
    if text.strip().startswith((*LISTS, "group:")):
        say(f"forget set: {samples.words}")
    return samples.indices


def compose_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `compose`, without the settings."""
    from engine.external.weights import named_files

    methods = None if options.methods is None else options.methods.split(",")
    retrain_files = matching(options.retrain)
    retrains = len(retrain_files) or RETRAINS if options.retrains is None else options.retrains
    return {
        "model": options.model,
        "normalize": options.normalize,
        "forget": options.forget,
        "methods": [] if methods is None and options.unlearned else methods,
        "retrains": retrains,
        "seed": options.seed,
        "perturbation": options.perturbation,
        "taus": options.taus,
        "draws": options.draws,
        "probe": {} if options.adaptive is None else {"adaptive": options.adaptive},
        "measures": options.measures.split(","),
        "weights": named_files(options.original, retrain_files, options.unlearned),
    }


def write_results(
    options: argparse.Namespace, pipeline: Pipeline, runs: Sequence[SweepRun]
) -> None:
    """Print one study or the table of a grid, and write the requested files."""
    from engine.sweeps import sweep
    from engine.tables.study_text import study_json, study_table

    if len(runs) == 1:
        study = runs[0].outcome.study
        print(study_table(study))
        results = study_json(study)
    else:
        print(sweep.text(runs))
        results = sweep.as_json(runs)
    texts = {
        options.json: _json_text(results),
        options.csv: sweep.as_csv(runs),
    }
    for path, text in texts.items():
        if path:
            output_files.write_text(path, text)


def _json_text(results: Mapping[str, Any]) -> str:
    return json.dumps(results, indent=1, sort_keys=True, allow_nan=False) + "\n"


def reproduce(options: argparse.Namespace) -> None:
    """Run a preset of the paper, print its tables and save them as files."""
    from engine.paper import presets

    if options.preset == "?":
        print("\n".join(f"{name:<30} {presets.preset(name).title}" for name in presets.names()))
        return
    preset = presets.named(options.preset, options.quick)
    chosen = seeds(options.seeds)
    if options.out:
        _check_folder(options.out)
    from engine.runtime.console import ConsoleReporter
    from engine.sweeps import reproduce as protocol
    from engine.tables import table as tables

    pipeline = pipeline_of(options)
    with ConsoleReporter() as report:
        results = protocol.reproduce(
            pipeline, preset, report, root=options.root, links=options.links, seeds=chosen
        )
    print(tables.text(results))
    folder = options.out or pipeline.store.root / "tables"
    for path in protocol.save(results, folder, pipeline):
        print(path)


def _check_folder(folder: Path, file: str = "table.txt") -> None:
    """Create the folder now, so that a SpecError comes before hours of computing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(f"Cannot create the folder {folder} ({error.strerror}).") from None
    output_files.check(folder / file)


def seeds(text: str) -> list[int]:
    """The seeds in a comma-separated list; SpecError where one is no whole number."""
    from engine.spec import convert

    return [convert(part, int, "--seeds") for part in text.split(",") if part.strip()]


def ls(options: argparse.Namespace) -> None:
    """Print the studies in the store."""
    from engine.tables.study_text import study_list

    print(study_list(pipeline_of(options).studies()))


def table(options: argparse.Namespace) -> None:
    """Print the findings on a study's models, their accuracies and residual knowledge."""
    from engine.tables.study_text import study_json, study_table

    output_files.check(options.json)
    study = pipeline_of(options).study(options.key)
    if options.json:
        output_files.write_text(options.json, _json_text(study_json(study)))
    print(study_table(study))


def samples(options: argparse.Namespace) -> None:
    """Print the forget samples and what a model still knows of each."""
    from engine.runtime.console import ConsoleReporter
    from engine.tables.csv import csv_text, samples_sheet
    from engine.tables.study_text import samples_table

    output_files.check(options.csv)
    pipeline = pipeline_of(options)
    study = pipeline.study(options.key)
    if options.model not in study.residual.curves:
        models = ", ".join(study.residual.curves)
        raise SpecError(f"This study has no model '{options.model}'. It has: {models}.")
    spec = pipeline.spec_of(study)
    with ConsoleReporter() as report:
        dataset = pipeline.dataset(spec.data, report)
        labels = dataset.train_y[study.forget].tolist()
        names = [dataset.name_of(int(index)) for index in study.forget]
        recognition = None
        if options.smallest_tau:
            recognition = pipeline.recognition(spec, options.model, report)
    sheet = samples_sheet(study, options.model, labels, recognition, names)
    print(samples_table(*sheet))
    if options.csv:
        output_files.write_text(options.csv, csv_text(*sheet))


def watch(options: argparse.Namespace) -> None:
    """Run a method again and record its epochs."""
    from engine.runtime.console import ConsoleReporter

    pipeline = pipeline_of(options)
    spec = pipeline.spec_of(pipeline.study(options.key))
    with ConsoleReporter() as report:
        epochs = pipeline.watch_again(spec, options.model, report)
    weights = "the same weights" if epochs.exact else "different weights"
    print(f"{len(epochs.views)} epochs of {options.model} recorded; it ended in {weights}.")


def figure(options: argparse.Namespace) -> None:
    """Draw one figure, or a set of them."""
    several = options.kind == ALL or "," in options.kind
    if not several:
        output_files.check(options.out)
    pipeline = pipeline_of(options)
    try:
        draw = _draw_set if several else _draw_figure
        for path in draw(pipeline, options):
            print(path)
    finally:
        pipeline.close()


LOOK = {  # parameter -> option, of all kinds
    "width_mm": "width", "height_mm": "height", "font_size": "font", "legend": "legend",
    "title": "title", "transparent": "transparent", "dpi": "dpi",
}  # fmt: skip
CONTENT = (  # of some kinds
    "sample", "tau", "model", "epoch", "a", "b", "color", "tab", "split", "matched", "log",
    "measure", "score", "members", "per_sample",
)  # fmt: skip


def _draw_figure(pipeline: Pipeline, options: argparse.Namespace) -> list[Path]:
    names = {**LOOK, **dict(zip(CONTENT, CONTENT, strict=True))}
    study, values = pipeline.study(options.key), _values(options, names)
    _check_content(options.kind, [name for name in values if name not in LOOK])
    return catalog.figure(pipeline, study, options.kind, options.out, **values)


def _check_content(kind: str, names: Sequence[str]) -> None:
    """SpecError for an option that a figure of this kind does not have."""
    for name in names:
        if kind in KINDS and name not in KINDS[kind].options:
            word = "any-class" if name == "matched" else name.replace("_", "-")
            kinds = ", ".join(key for key in sorted(KINDS) if name in KINDS[key].options)
            raise SpecError(f"--{word} applies to figures of the kind {kinds}, not to {kind}.")


def _draw_set(pipeline: Pipeline, options: argparse.Namespace) -> Sequence[Path]:
    """Draw a set; options that only some kinds have are passed to those. Returns the files."""
    from engine.figures.figure_set import draw_set, kinds_named
    from engine.runtime.console import ConsoleReporter

    kinds, look = kinds_named(options.kind), _values(options, LOOK)
    values = _values(options, dict(zip(CONTENT, CONTENT, strict=True)))
    content = {
        kind: {name: value for name, value in values.items() if name in KINDS[kind].options}
        for kind in kinds
    }
    _check_folder(options.out, MANIFEST)
    study = pipeline.study(options.key)
    with ConsoleReporter() as report:
        figures = draw_set(
            pipeline, study, kinds, options.out, report,
            suffix=f".{options.format}", look=look, options=content,
        )  # fmt: skip
    for kind, reason in figures.missing.items():
        say(f"{kind} was skipped: {reason}")
    return figures.files


def _values(options: argparse.Namespace, names: Mapping[str, str]) -> dict[str, Any]:
    """Parameter -> value of those options (parameter -> option) that were set."""
    values = {name: getattr(options, option) for name, option in names.items()}
    return {name: value for name, value in values.items() if value is not None}


def report(options: argparse.Namespace) -> None:
    """Write settings, tables and figures of a study on one page."""
    from engine.report import write
    from engine.runtime.console import ConsoleReporter

    files = [options.out, *([options.pdf] if options.pdf else [])]
    write.check(files)
    output_files.check(*files)
    pipeline = pipeline_of(options)
    try:
        with ConsoleReporter() as report:
            study = pipeline.study(options.key)
            written = write.write(pipeline, study, files, report)
    finally:
        pipeline.close()
    print("\n".join(map(str, written)))


def checkpoint(options: argparse.Namespace) -> None:
    """Save a model's weights to a file."""
    from engine.runtime.console import ConsoleReporter

    output_files.check(options.out)
    pipeline = pipeline_of(options)
    study = pipeline.study(options.key)
    with ConsoleReporter() as report:
        spec = pipeline.spec_of(study)
        print(pipeline.export_checkpoint(spec, options.model, options.out, report))


def bench(options: argparse.Namespace) -> None:
    """Time our implementations against straightforward ones."""
    from engine.bench import command

    output_files.check(options.json, options.plot)
    command.bench(options)


def verify(options: argparse.Namespace) -> int:
    """Check files against hashes, keys and each other; returns 1 where something is wrong."""
    from engine.runtime.console import ConsoleReporter
    from engine.verification import remake, verify

    pipeline = pipeline_of(options)
    with ConsoleReporter() as report:
        if options.remake:
            findings = remake(pipeline, report)
        else:
            findings = verify(pipeline, options.sample, options.seed, report)
    for sentence in (*findings.remarks, *findings.wrong):
        print(sentence)
    summary = f"{findings.hashed} files read, {findings.recomputed} results recomputed"
    verdict = f"{len(findings.wrong)} are wrong" if findings.wrong else "nothing is wrong"
    print(f"{summary}: {verdict}.")
    return WRONG if findings.wrong else 0


def info(options: argparse.Namespace) -> None:
    """Print versions, devices and the store."""
    from engine.storage import pixel_cache, pixel_files
    from engine.storage.store import Store, default_store, versions

    for name, number in versions().items():
        print(f"{name:<14} {number}")
    import torch

    devices = ["cpu", *(f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in _cuda(torch))]
    if torch.backends.mps.is_available():
        devices.append("mps")
    print(f"{'devices':<14} {', '.join(devices)}")
    store = Store(options.store or default_store())
    size = sum(os.path.getsize(path) for path in store.root.rglob("*") if is_file(path))
    print(f"{'store':<14} {store.root} ({len(store.keys('studies'))} studies, {size / 1e6:.1f} MB)")
    images = pixel_files.usage(store.root / pixel_cache.KIND)
    if images:
        size = sum(facts.st_size for facts in images.values())
        print(
            f"{'images':<14} {size / 1e6:.1f} MB of these are decoded images in "
            f"{store.root / pixel_cache.KIND}, which may be deleted: they are decoded again"
        )
    if store.refusal:
        print(store.refusal)


def _cuda(torch: Any) -> range:
    return range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
