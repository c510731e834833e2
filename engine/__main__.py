"""`rk-engine`: studies without a window. Arguments are parsed before any heavy import."""

from __future__ import annotations

from engine import children

if __name__ == "__main__":  # `python -m`: before anything else is imported
    children.leave_current_folder()

import argparse
import contextlib
import functools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import __version__, interruption, outputs
from engine.cores import wait_asleep
from engine.errors import Cancelled, EngineError, SpecError
from engine.exports import KINDS
from engine.figure_set import ALL, MANIFEST
from engine.places import absolute, is_file, matching, place
from engine.shades import SHADES

if TYPE_CHECKING:
    from engine.datasets.base import Dataset
    from engine.pipeline import Pipeline
    from engine.spec import RunSpec
    from engine.sweep import SweepRun

WRONG = 1
FAILED = 2
INTERRUPTED = 130
METHODS = "rurk,gd,ga"
RETRAINS = 3
ADAPTIVE = 25.0  # percent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (2 and a sentence on standard error if it fails)."""
    wait_asleep()
    options = parser().parse_args(arguments)
    if not hasattr(options, "command"):
        parser().print_help()
        return FAILED
    command: Callable[[argparse.Namespace], int | None] = options.command
    files = [value for value in vars(options).values() if isinstance(value, Path)]
    try:
        with interruption.by_signals(), outputs.told(), outputs.words_aside(files):
            return command(options) or 0
    except EngineError as error:
        _say(str(error))
        return FAILED
    except interruption.Interrupted as error:
        _say("stopped; run the same command again to go on.")
        return error.status
    except Cancelled:
        _say("stopped; run the same command again to go on.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has left; nobody is there to be told
        outputs.abandon()
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="rk-engine", description="Residual knowledge in machine unlearning, without a window."
    )
    top.add_argument("--version", action="version", version=f"rk-engine {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    _add_run(commands)
    _add_reproduce(commands)
    listing = _command(commands, "ls", _ls, "list the studies in the store")
    _store_option(listing)
    table = _command(commands, "table", _table, "print a study's accuracies and residual knowledge")
    _key_argument(table)
    samples = _command(
        commands, "samples", _samples, "list the forget samples with what a model still knows"
    )
    _key_argument(samples)
    samples.add_argument("--model", required=True, help="original or an unlearned model")
    samples.add_argument(
        "--smallest-tau",
        action="store_true",
        help="search the smallest tau at which each sample is recognized again",
    )
    samples.add_argument("--csv", type=place, metavar="FILE", help="write the rows to this file")
    watch = _command(
        commands, "watch", _watch, "run a method once more and keep its epochs, to replay them"
    )
    _key_argument(watch)
    watch.add_argument("--model", required=True, help="an unlearning method of the study")
    figure = _command(commands, "figure", _figure, "draw a figure, with its numbers as CSV beside")
    _key_argument(figure)
    figure.add_argument(
        "--kind", required=True,
        help=f"{', '.join(sorted(KINDS))}; several, comma-separated, or all make a set",
    )  # fmt: skip
    figure.add_argument(
        "--out", required=True, type=place, help="file: .png, .svg or .pdf; of a set: its folder"
    )
    figure.add_argument(
        "--format", choices=("svg", "pdf", "png"), default="svg",
        help="of the files of a set (%(default)s)",
    )  # fmt: skip
    figure.add_argument("--dpi", type=float, help="dots per inch of a .png (300)")
    figure.add_argument("--width", type=float, metavar="MM", help="width of the figure in mm")
    figure.add_argument("--font", type=float, metavar="PT", help="size of its text in points")
    figure.add_argument("--sample", type=int, help="neighborhood: number of the sample")
    figure.add_argument("--tau", type=float, help="neighborhood, embedding: perturbation norm")
    figure.add_argument("--a", metavar="MODEL", help="comparison, embedding, attack: the one model")
    figure.add_argument("--b", metavar="MODEL", help="same kinds: the other model")
    figure.add_argument("--tab", help="comparison: classes, predictions, similarity or confidence")
    figure.add_argument("--split", help="comparison: retain, forget or test")
    figure.add_argument(
        "--any-class", dest="matched", action="store_const", const=False,
        help="attack: compare with test samples of any class, not of the members' classes alone",
    )  # fmt: skip
    figure.add_argument("--color", help=f"embedding: what colors mean, {', '.join(SHADES)}")
    _add_report(commands)
    checkpoint = _command(commands, "checkpoint", _checkpoint, "save a model's weights to a file")
    _key_argument(checkpoint)
    checkpoint.add_argument(
        "--model", required=True, help="original, retrain-0, retrain-1 ... or a method"
    )
    checkpoint.add_argument(
        "--out", required=True, type=place, help="file to write, e.g. rurk.pt or rurk.safetensors"
    )
    _add_bench(commands)
    _add_verify(commands)
    info = _command(commands, "info", _info, "print versions, devices and the store")
    _store_option(info)
    return top


def _add_verify(commands: Any) -> None:
    verify = _command(
        commands,
        "verify",
        _verify,
        "compare files with hashes, keys and each other, and compute some once more",
    )
    verify.add_argument(
        "--sample",
        type=int,
        default=5,
        metavar="N",
        help="rows of every file to compute once more (%(default)s); 10 and more: also what takes "
        "training; 0: only what follows from the files themselves",
    )
    verify.add_argument("--seed", type=int, default=0, help="which ones (%(default)s)")
    verify.add_argument(
        "--remake",
        action="store_true",
        help="make every imported study here from its settings, and compare the two",
    )
    verify.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    _store_option(verify)


def _add_run(commands: Any) -> None:
    run = _command(
        commands, "run", _run, "train, unlearn and measure; answered from the store if known"
    )
    run.add_argument(
        "--dataset", required=True, help="digits, iris, cifar10, small-cifar5 or folder"
    )
    run.add_argument(
        "--root",
        type=absolute,
        default="",
        help="folder of the data, where the dataset needs one: train/<class>/*.png (folders below "
        "are read too) with test/<class>/, val/ or valid/ beside it, or <class>/*.png, of which "
        "20 %% are held out; Tiny ImageNet as downloaded; for CIFAR-10 also its archive",
    )
    run.add_argument(
        "--side", type=int, default=0, help="resize images to this height and width (px)"
    )
    run.add_argument(
        "--channels",
        default="rgb",
        help="read an image folder in color (rgb, the default) or with one channel (gray)",
    )
    _links_option(run)
    run.add_argument(
        "--validation", type=float, default=0.0, metavar="SHARE",
        help="share of each class of the training set that is held out, e.g. 0.2: drawn by the "
        "seed, neither learned, forgotten nor tested on; samples keep their numbers",
    )  # fmt: skip
    run.add_argument(
        "--model",
        default="",
        help="mlp, cnn, resnet18, resnet50, vgg11, or your own network as FILE.py:FUNCTION, a "
        "function of (shape, n_classes) that returns an nn.Module; this runs FILE.py as python "
        "would, so name only files you trust",
    )
    run.add_argument(
        "--normalize",
        default="",
        metavar="HOW",
        help="what pixels in [0, 1] are normalized by before they enter the network: dataset "
        "(statistics of the training set, the default), none (the network does it itself), or "
        "means/deviations, e.g. 0.5,0.5,0.5/0.25,0.25,0.25",
    )
    run.add_argument(
        "--forget",
        default="",
        metavar="SPEC",
        help="class:8, class:8:0.5, class:8:100, random:100, random:10%%, indices:FILE (text, CSV, "
        "JSON, .npy, .npz or .pt), indices:3,17,40-52 or files:FILE (names of samples, such as "
        "train/cat/03.png or 'cifar10 train 17', as rk-engine samples shows them)",
    )
    run.add_argument(
        "--methods",
        help=f"comma-separated unlearning methods ({METHODS}; none beside --unlearned)",
    )
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="METHOD.PARAMETER=VALUE",
        help="change a setting, e.g. rurk.lambda_a=0.1; also train.epochs=50, probe.steps=5; "
        "several values (rurk.tau=0.01,0.03,0.1) run the grid of all combinations",
    )
    run.add_argument(
        "--measures",
        default="",
        help="measures beside those every study has: relearn-epochs (it trains each model again)",
    )
    run.add_argument(
        "--retrains", type=int, help=f"number of Re-trains ({RETRAINS}, or as many as are given)"
    )
    _weights_options(run)
    run.add_argument("--seed", type=int, default=131, help="seed of the study (%(default)s)")
    run.add_argument(
        "--perturbation", default="gaussian", help="gaussian, l2, linf, fgsm or pgd (%(default)s)"
    )
    run.add_argument(
        "--taus", default="", help="low:high:count or a list; the dataset's own if left out"
    )
    run.add_argument(
        "--draws", type=int, default=100, help="perturbed copies a sample (%(default)s)"
    )
    run.add_argument(
        "--adaptive",
        type=float,
        nargs="?",
        const=ADAPTIVE,
        metavar="PERCENT",
        help="draw only where r is still uncertain, at most --draws a sample, until its intervals "
        "seem to be about this much wider than with --draws everywhere: an aim, no bound, for the "
        "estimate is made from the draws themselves, and where 25 was asked 64 %% was seen "
        f"({ADAPTIVE:g}); prevalence and verdicts are not given then",
    )
    run.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (%(default)s)")
    run.add_argument(
        "--trust-imported",
        action="store_true",
        help="use models that came in bundles where they have the same settings, which no study "
        "does otherwise; all that is made of them is marked as imported too",
    )
    run.add_argument("--json", type=place, metavar="FILE", help="write all figures to this file")
    run.add_argument("--csv", type=place, metavar="FILE", help="write a tidy table: one row a run")
    _store_option(run)


def _add_report(commands: Any) -> None:
    report = _command(
        commands, "report", _report, "write settings, tables and figures of a study as one page"
    )
    _key_argument(report)
    report.add_argument(
        "--out", required=True, type=place, metavar="FILE", help=".html, or .pdf for print"
    )
    report.add_argument("--pdf", type=place, metavar="FILE", help="the same as PDF, beside it")


def _weights_options(run: argparse.ArgumentParser) -> None:
    given = run.add_argument_group(
        "models that are given",
        "state dicts written by torch.save(model.state_dict(), FILE), alone or in a checkpoint, or "
        ".safetensors, for the network of --model; files are read as weights alone and nothing in "
        "them is run. Where a file holds several that fit, FILE::NAME chooses one, e.g. "
        "FILE::state_dict_ema",
    )
    given.add_argument("--original", type=place, metavar="FILE", help="instead of training it")
    given.add_argument(
        "--retrain",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="a model trained without the forget set; several, or a pattern in quotes ('r*.pt')",
    )
    given.add_argument(
        "--unlearned",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="an unlearned model to examine under this name; repeat for more",
    )


def _links_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--links",
        default="refuse",
        help="what to do with links that lead out of an image folder: refuse (the default), or "
        "follow, if you know where they lead: bundles of the study will hold what they show",
    )


def _add_reproduce(commands: Any) -> None:
    command = _command(
        commands, "reproduce", _reproduce, "run a preset of the paper and tabulate it beside ours"
    )
    command.add_argument("preset", help="digits, small-cifar5, cifar10 ...; '?' lists them")
    command.add_argument(
        "--root", type=absolute, default="", help="folder of the data, where it needs one"
    )
    _links_option(command)
    command.add_argument("--seeds", default="", help="comma-separated; the preset's if left out")
    command.add_argument(
        "--quick", action="store_true", help="fewer epochs and draws: minutes on two cores"
    )
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    command.add_argument(
        "--out", type=place, metavar="DIR", help="folder of the tables (<store>/tables)"
    )
    _store_option(command)


def _add_bench(commands: Any) -> None:
    bench = _command(
        commands, "bench", _bench, "measure our ways against the straightforward ones, here and now"
    )
    bench.add_argument(
        "--only", default="", metavar="NAMES", help="comma-separated measurements; '?' lists them"
    )
    bench.add_argument("--quick", action="store_true", help="small sizes, one round: a first look")
    bench.add_argument(
        "--root", type=absolute, default="", help="folder of CIFAR-10 (made images if left out)"
    )
    bench.add_argument("--threads", type=int, help="cores both ways may use (all)")
    bench.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (%(default)s)")
    bench.add_argument("--json", type=place, metavar="FILE", help="write all numbers to this file")
    bench.add_argument(
        "--plot", type=place, metavar="FILE", help="draw how the cost grows (.svg, .pdf, .png)"
    )


def _command(
    commands: Any, name: str, function: Callable[[argparse.Namespace], int | None], help: str
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help)
    made.set_defaults(command=function)
    return made


def _store_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--store", type=place, metavar="DIR", help="folder of results ($RK_EXPLORER_STORE)"
    )


def _key_argument(command: argparse.ArgumentParser) -> None:
    command.add_argument("key", help="key of the study, or its beginning (rk-engine ls)")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    _store_option(command)


def _pipeline(options: argparse.Namespace) -> Pipeline:
    from engine.pipeline import Pipeline
    from engine.store import Store, default_store

    store = Store(options.store or default_store(), say=_say)
    return Pipeline(store, getattr(options, "device", "auto"))


def _say(message: str) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError):  # nowhere is left to say so
            print(f"rk-engine: {message}", file=sys.stderr)


def _run(options: argparse.Namespace) -> None:
    from engine import registry
    from engine.console_reporter import ConsoleReporter
    from engine.spec import DataSpec, as_imported
    from engine.sweep import grid, run_grid

    registry.get("dataset", options.dataset)
    points = grid(options.set)
    words = _words(options)
    outputs.check(options.json, options.csv)
    pipeline = _pipeline(options)
    with ConsoleReporter() as report:
        data = DataSpec(
            options.dataset, options.root, options.seed, options.side,
            channels=options.channels, validation=options.validation, links=options.links,
        )  # fmt: skip
        dataset = pipeline.dataset(data, report)
        words["forget"] = _forgotten(options, dataset)
        compose = functools.partial(pipeline.compose, dataset, **words)
        apart = options.trust_imported

        def settled(found: Mapping[str, Mapping[str, Any]]) -> RunSpec:
            return as_imported(compose(settings=found)) if apart else compose(settings=found)

        runs = run_grid(pipeline, points, settled, report)
    _hand_out(options, pipeline, runs)


def _forgotten(options: argparse.Namespace, dataset: Dataset) -> tuple[int, ...]:
    """The forget set, read once; of a list it is said how many samples it holds."""
    from engine.forget import LISTS, forget_set

    text = options.forget or dataset.recommended.forget
    found = forget_set(text, dataset, options.seed)
    if text.strip().startswith(LISTS):
        _say(f"forget set: {found.words}")
    return found.indices


def _words(options: argparse.Namespace) -> dict[str, Any]:
    """What `compose` is told, but for the settings."""
    from engine.foreign import named_files

    methods = ("" if options.unlearned else METHODS) if options.methods is None else options.methods
    given = matching(options.retrain)
    retrains = len(given) or RETRAINS if options.retrains is None else options.retrains
    return {
        "model": options.model,
        "normalize": options.normalize,
        "forget": options.forget,
        "methods": methods.split(","),
        "retrains": retrains,
        "seed": options.seed,
        "perturbation": options.perturbation,
        "taus": options.taus,
        "draws": options.draws,
        "probe": {} if options.adaptive is None else {"adaptive": options.adaptive},
        "measures": options.measures.split(","),
        "weights": named_files(options.original, given, options.unlearned),
    }


def _hand_out(options: argparse.Namespace, pipeline: Pipeline, runs: Sequence[SweepRun]) -> None:
    """Print one study or the table of a grid, and write the files that were asked for."""
    from engine import sweep
    from engine.console import study_json, study_table

    if len(runs) == 1:
        study = runs[0].outcome.study
        print(study_table(study))
        found = study_json(study)
    else:
        print(sweep.text(runs))
        found = sweep.as_json(runs)
    texts = {
        options.json: json.dumps(found, indent=1, sort_keys=True, allow_nan=False) + "\n",
        options.csv: sweep.as_csv(runs),
    }
    for path, text in texts.items():
        if path:
            outputs.write_text(path, text)


def _reproduce(options: argparse.Namespace) -> None:
    from engine import paper

    if options.preset == "?":
        print("\n".join(f"{name:<30} {paper.preset(name).title}" for name in paper.names()))
        return
    preset = paper.preset(options.preset, options.quick)
    seeds = _seeds(options.seeds)
    if options.out:
        _check_folder(options.out)
    from engine import protocol, tables
    from engine.console_reporter import ConsoleReporter

    pipeline = _pipeline(options)
    with ConsoleReporter() as report:
        found = protocol.reproduce(
            pipeline, preset, report, root=options.root, links=options.links, seeds=seeds
        )
    print(tables.text(found))
    folder = options.out or pipeline.store.root / "tables"
    for path in protocol.save(found, folder, pipeline):
        print(path)


def _check_folder(folder: Path, file: str = "table.txt") -> None:
    """Make the folder now; SpecError where that is impossible, before hours of computing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(f"Cannot make the folder {folder} ({error.strerror}).") from None
    outputs.check(folder / file)


def _seeds(text: str) -> list[int]:
    from engine.spec import convert

    return [convert(part, int, "--seeds") for part in text.split(",") if part.strip()]


def _ls(options: argparse.Namespace) -> None:
    from engine.console import study_list

    print(study_list(_pipeline(options).studies()))


def _table(options: argparse.Namespace) -> None:
    from engine.console import study_table

    print(study_table(_pipeline(options).study(options.key)))


def _samples(options: argparse.Namespace) -> None:
    from engine.console import samples_table
    from engine.console_reporter import ConsoleReporter
    from engine.sheets import csv_text, samples_sheet

    outputs.check(options.csv)
    pipeline = _pipeline(options)
    study = pipeline.study(options.key)
    if options.model not in study.residual.curves:
        known = ", ".join(study.residual.curves)
        raise SpecError(f"This study judges no model '{options.model}'. It has: {known}.")
    spec = pipeline.spec_of(study)
    with ConsoleReporter() as report:
        dataset = pipeline.dataset(spec.data, report)
        labels = dataset.train_y[study.forget].tolist()
        names = [dataset.name_of(int(index)) for index in study.forget]
        found = None
        if options.smallest_tau:
            found = pipeline.recognition(spec, options.model, report)
    sheet = samples_sheet(study, options.model, labels, found, names)
    print(samples_table(*sheet))
    if options.csv:
        outputs.write_text(options.csv, csv_text(*sheet))


def _watch(options: argparse.Namespace) -> None:
    from engine.console_reporter import ConsoleReporter

    pipeline = _pipeline(options)
    spec = pipeline.spec_of(pipeline.study(options.key))
    with ConsoleReporter() as report:
        seen = pipeline.watch_again(spec, options.model, report)
    same = "the same weights" if seen.exact else "other weights"
    print(f"{len(seen.views)} epochs seen of {options.model}; it ended in {same}.")


def _figure(options: argparse.Namespace) -> None:
    several = options.kind == ALL or "," in options.kind
    if not several:
        outputs.check(options.out)
    pipeline = _pipeline(options)
    try:
        draw = _draw_set if several else _draw_figure
        for path in draw(pipeline, options):
            print(path)
    finally:
        pipeline.close()


LOOK = {"width_mm": "width", "font_size": "font", "dpi": "dpi"}  # of any figure -> its option
ASKED = ("sample", "tau", "a", "b", "color", "tab", "split", "matched")  # of some kinds


def _draw_figure(pipeline: Pipeline, options: argparse.Namespace) -> list[Path]:
    named = {**LOOK, **dict(zip(ASKED, ASKED, strict=True))}
    study, asked = pipeline.study(options.key), _given(options, named)
    _check_asked(options.kind, [name for name in asked if name not in LOOK])
    return pipeline.figure(study, options.kind, options.out, **asked)


def _check_asked(kind: str, asked: Sequence[str]) -> None:
    """SpecError for an option that a figure of this kind does not have."""
    for name in asked:
        if kind in KINDS and name not in KINDS[kind].options:
            word = "any-class" if name == "matched" else name
            kinds = ", ".join(one for one in sorted(KINDS) if name in KINDS[one].options)
            raise SpecError(f"--{word} is for figures of the kind {kinds}, not for {kind}.")


def _draw_set(pipeline: Pipeline, options: argparse.Namespace) -> Sequence[Path]:
    """The files of a set; options that only some kinds have go to those."""
    from engine.console_reporter import ConsoleReporter
    from engine.figure_set import draw_set, kinds_named

    kinds, look = kinds_named(options.kind), _given(options, LOOK)
    asked = _given(options, dict(zip(ASKED, ASKED, strict=True)))
    own = {
        kind: {name: value for name, value in asked.items() if name in KINDS[kind].options}
        for kind in kinds
    }
    _check_folder(options.out, MANIFEST)
    study = pipeline.study(options.key)
    with ConsoleReporter() as report:
        made = draw_set(
            pipeline, study, kinds, options.out, report,
            suffix=f".{options.format}", look=look, options=own,
        )  # fmt: skip
    for kind, why in made.missing.items():
        _say(f"{kind} was left out: {why}")
    return made.files


def _given(options: argparse.Namespace, names: Mapping[str, str]) -> dict[str, Any]:
    """What was said on the command line of these: name of the parameter -> value."""
    found = {name: getattr(options, option) for name, option in names.items()}
    return {name: value for name, value in found.items() if value is not None}


def _report(options: argparse.Namespace) -> None:
    from engine.console_reporter import ConsoleReporter
    from engine.reporting import written

    files = [options.out, *([options.pdf] if options.pdf else [])]
    written.check(files)
    outputs.check(*files)
    pipeline = _pipeline(options)
    try:
        with ConsoleReporter() as report:
            study = pipeline.study(options.key)
            made = written.write(pipeline, study, files, report)
    finally:
        pipeline.close()
    print("\n".join(map(str, made)))


def _checkpoint(options: argparse.Namespace) -> None:
    from engine.console_reporter import ConsoleReporter

    outputs.check(options.out)
    pipeline = _pipeline(options)
    study = pipeline.study(options.key)
    with ConsoleReporter() as report:
        spec = pipeline.spec_of(study)
        print(pipeline.export_checkpoint(spec, options.model, options.out, report))


def _bench(options: argparse.Namespace) -> None:
    from engine.bench import command

    outputs.check(options.json, options.plot)
    command.bench(options)


def _verify(options: argparse.Namespace) -> int:
    from engine.console_reporter import ConsoleReporter
    from engine.verifying import remake, verify

    pipeline = _pipeline(options)
    with ConsoleReporter() as report:
        if options.remake:
            found = remake(pipeline, report)
        else:
            found = verify(pipeline, options.sample, options.seed, report)
    for sentence in (*found.remarks, *found.wrong):
        print(sentence)
    said = f"{found.hashed} files read, {found.recomputed} results computed once more"
    print(f"{said}: {f'{len(found.wrong)} are wrong' if found.wrong else 'nothing is wrong'}.")
    return WRONG if found.wrong else 0


def _info(options: argparse.Namespace) -> None:
    from engine.store import Store, default_store, versions

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
    if store.refusal:
        print(store.refusal)


def _cuda(torch: Any) -> range:
    return range(torch.cuda.device_count() if torch.cuda.is_available() else 0)


if __name__ == "__main__":
    sys.exit(main())
