"""`rk-engine`: studies without a window. Arguments are parsed before any heavy import."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.errors import Cancelled, EngineError, SpecError

if TYPE_CHECKING:
    from engine.pipeline import Pipeline

FAILED = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (2 and a sentence on standard error if it fails)."""
    options = parser().parse_args(arguments)
    if not hasattr(options, "command"):
        parser().print_help()
        return FAILED
    command: Callable[[argparse.Namespace], None] = options.command
    try:
        command(options)
    except EngineError as error:
        print(f"rk-engine: {error}", file=sys.stderr)
        return FAILED
    except (Cancelled, KeyboardInterrupt):
        print("rk-engine: stopped; run the same command again to go on.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has left; nobody is there to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="rk-engine", description="Residual knowledge in machine unlearning, without a window."
    )
    top.add_argument("--version", action="version", version=f"rk-engine {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    _add_run(commands)
    listing = _command(commands, "ls", _ls, "list the studies in the store")
    _store_option(listing)
    table = _command(commands, "table", _table, "print a study's accuracies and residual knowledge")
    _key_argument(table)
    figure = _command(commands, "figure", _figure, "draw a figure, with its numbers as CSV beside")
    _key_argument(figure)
    figure.add_argument("--kind", required=True, help="curves, neighborhood, embedding or metrics")
    figure.add_argument("--out", required=True, type=Path, help="file: .png, .svg or .pdf")
    figure.add_argument("--width", type=float, metavar="MM", help="width of the figure in mm")
    figure.add_argument("--sample", type=int, help="neighborhood: index of the training sample")
    figure.add_argument("--tau", type=float, help="neighborhood: perturbation norm")
    figure.add_argument("--model", help="embedding: whose features")
    checkpoint = _command(commands, "checkpoint", _checkpoint, "save a model's weights to a file")
    _key_argument(checkpoint)
    checkpoint.add_argument(
        "--model", required=True, help="original, retrain, retrain-1 ... or a method"
    )
    checkpoint.add_argument("--out", required=True, type=Path, help="file to write, e.g. rurk.pt")
    info = _command(commands, "info", _info, "print versions, devices and the store")
    _store_option(info)
    return top


def _add_run(commands: Any) -> None:
    run = _command(
        commands, "run", _run, "train, unlearn and measure; answered from the store if known"
    )
    run.add_argument(
        "--dataset", required=True, help="digits, iris, cifar10, small-cifar5 or folder"
    )
    run.add_argument("--root", default="", help="folder of the data, where the dataset needs one")
    run.add_argument(
        "--side", type=int, default=0, help="resize images to this height and width (px)"
    )
    run.add_argument("--model", default="", help="mlp, cnn, resnet18, resnet50 or vgg11")
    run.add_argument(
        "--forget",
        default="",
        metavar="SPEC",
        help="class:8, class:8:0.5, class:8:100, random:100, random:10%% or indices:FILE",
    )
    run.add_argument(
        "--methods", default="rurk,gd,ga", help="comma-separated unlearning methods (%(default)s)"
    )
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="METHOD.PARAMETER=VALUE",
        help="change a setting, e.g. rurk.lambda_a=0.1; also train.epochs=50, probe.steps=5",
    )
    run.add_argument("--retrains", type=int, default=3, help="number of Re-trains (%(default)s)")
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
    run.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (%(default)s)")
    run.add_argument("--json", type=Path, metavar="FILE", help="write all figures to this file")
    _store_option(run)


def _command(
    commands: Any, name: str, function: Callable[[argparse.Namespace], None], help: str
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help)
    made.set_defaults(command=function)
    return made


def _store_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--store", type=Path, metavar="DIR", help="folder of results ($RK_EXPLORER_STORE)"
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
    print(f"rk-engine: {message}", file=sys.stderr)


def _run(options: argparse.Namespace) -> None:
    from engine import registry
    from engine.console import ConsoleReporter, study_json, study_table
    from engine.spec import DataSpec, parse_settings

    registry.get("dataset", options.dataset)
    settings = parse_settings(options.set)
    if options.json:
        _check_writable(options.json)
    pipeline = _pipeline(options)
    report = ConsoleReporter()
    with report:
        data = DataSpec(options.dataset, str(options.root), options.seed, options.side)
        spec = pipeline.compose(
            pipeline.dataset(data, report),
            model=options.model,
            forget=options.forget,
            methods=options.methods.split(","),
            settings=settings,
            retrains=options.retrains,
            seed=options.seed,
            perturbation=options.perturbation,
            taus=options.taus,
            draws=options.draws,
        )
        study = pipeline.run(spec, report)
    print(study_table(study))
    if options.json:
        text = json.dumps(study_json(study), indent=1, sort_keys=True, allow_nan=False)
        with pipeline.store.replacing(options.json) as aside:
            aside.write_text(text + "\n")


def _check_writable(path: Path) -> None:
    """Say so before hours of computing, not after."""
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise SpecError(
            f"Cannot write {path}: name a file in a folder that exists and is writable."
        )


def _ls(options: argparse.Namespace) -> None:
    from engine.console import study_list

    print(study_list(_pipeline(options).studies()))


def _table(options: argparse.Namespace) -> None:
    from engine.console import study_table

    print(study_table(_pipeline(options).study(options.key)))


def _figure(options: argparse.Namespace) -> None:
    _check_writable(options.out)
    pipeline = _pipeline(options)
    chosen = {
        "width_mm": options.width,
        "sample": options.sample,
        "tau": options.tau,
        "model": options.model,
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    try:
        for path in pipeline.figure(
            pipeline.study(options.key), options.kind, options.out, **given
        ):
            print(path)
    finally:
        pipeline.close()


def _checkpoint(options: argparse.Namespace) -> None:
    _check_writable(options.out)
    pipeline = _pipeline(options)
    study = pipeline.study(options.key)
    print(pipeline.export_checkpoint(pipeline.spec_of(study), options.model, options.out))


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
    size = sum(path.stat().st_size for path in store.root.rglob("*") if path.is_file())
    print(f"{'store':<14} {store.root} ({len(store.keys('studies'))} studies, {size / 1e6:.1f} MB)")


def _cuda(torch: Any) -> range:
    return range(torch.cuda.device_count() if torch.cuda.is_available() else 0)


if __name__ == "__main__":
    sys.exit(main())
