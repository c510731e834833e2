"""The grammar of `rk-engine`: commands, options and their help.

Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from engine import __version__, registry
from engine.cli import commands as actions
from engine.cli import comparator_command, figure_arguments, tune_command
from engine.cli.commands import RETRAINS
from engine.metrics import METRICS
from engine.perturbations import names
from engine.storage.paths import absolute, typed_path

ADAPTIVE = 25.0  # percent


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="rk-engine", description="Residual knowledge in machine unlearning, without a window."
    )
    top.add_argument("--version", action="version", version=f"rk-engine {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    _add_run(commands)
    name, action = "import-comparator", comparator_command.import_comparator
    imported = _command(commands, name, action, comparator_command.HELP)
    comparator_command.add(imported, _measurement_options)
    _add_reproduce(commands)
    tune = _command(commands, "tune", tune_command.tune, tune_command.HELP)
    tune_command.add(tune, _links_option)
    _store_option(tune)
    listing = _command(commands, "ls", actions.ls, "list the studies in the store")
    _store_option(listing)
    table = _command(
        commands,
        "table",
        actions.table,
        "print what was found on each model, with accuracies and residual knowledge",
    )
    _key_argument(table)
    table.add_argument(
        "--json", type=typed_path, metavar="FILE", help="write all figures to this file"
    )
    samples = _command(
        commands,
        "samples",
        actions.samples,
        "list the forget samples and what a model still knows of each",
    )
    _key_argument(samples)
    samples.add_argument("--model", required=True, help="original or an unlearned model")
    samples.add_argument(
        "--smallest-tau",
        action="store_true",
        help="find the smallest tau at which each sample is recognized again",
    )
    samples.add_argument(
        "--csv", type=typed_path, metavar="FILE", help="write the rows to this file"
    )
    watch = _command(
        commands,
        "watch",
        actions.watch,
        "run a method again and record its epochs for replay",
    )
    _key_argument(watch)
    watch.add_argument("--model", required=True, help="an unlearning method of the study")
    _add_figure(commands)
    _add_report(commands)
    checkpoint = _command(
        commands, "checkpoint", actions.checkpoint, "save a model's weights to a file"
    )
    _key_argument(checkpoint)
    checkpoint.add_argument(
        "--model", required=True, help="original, retrain-0, retrain-1 ... or a method"
    )
    checkpoint.add_argument(
        "--out",
        required=True,
        type=typed_path,
        help="file to write, e.g. rurk.pt or rurk.safetensors",
    )
    _add_bench(commands)
    _add_verify(commands)
    info = _command(commands, "info", actions.info, "print versions, devices and the store")
    _store_option(info)
    return top


def _add_verify(commands: Any) -> None:
    verify = _command(
        commands,
        "verify",
        actions.verify,
        "check files against hashes, keys and each other, and recompute a sample of them",
    )
    verify.add_argument(
        "--sample",
        type=int,
        default=5,
        metavar="N",
        help="rows of every file to recompute (%(default)s); from 10 on also what requires "
        "training; 0: only what follows from the files themselves",
    )
    verify.add_argument("--seed", type=int, default=0, help="seed of that sample (%(default)s)")
    verify.add_argument(
        "--remake",
        action="store_true",
        help="recompute every imported study from its settings, and compare the two",
    )
    verify.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    _store_option(verify)


def _add_run(commands: Any) -> None:
    run = _command(
        commands, "run", actions.run, "train, unlearn and measure, or answer from the store"
    )
    run.add_argument(
        "--dataset",
        required=True,
        help=f"{_either(registry.built_in('dataset'))} (built in: digits, fashion, iris, "
        "breast-cancer)",
    )
    run.add_argument(
        "--root",
        type=absolute,
        default="",
        help="folder or file of the data, if the dataset needs one: train/<class>/*.png (read "
        "recursively) with test/<class>/, val/ or valid/ beside it, or <class>/*.png, of which "
        "20 %% are held out; Tiny ImageNet as downloaded; for CIFAR-10 also its archive; the file "
        "of npz, tabular and text",
    )
    run.add_argument(
        "--columns",
        default="",
        metavar="ROLE=NAME,...",
        help="columns of a table: label=NAME, text=NAME (messages), group=NAME (any number; for "
        "--forget group:NAME=VALUE), split=NAME (train, validation, test)",
    )
    run.add_argument(
        "--test-share", type=float, default=0.2, metavar="SHARE",
        help="share of each class that a table without a split column sets aside for testing "
        "(%(default)s)",
    )  # fmt: skip
    run.add_argument(
        "--encoder",
        type=absolute,
        default="",
        metavar="FOLDER",
        help="a sentence-transformers model on this machine that encodes messages, instead of "
        "hashed TF-IDF",
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
        "seed, not used for training, forgetting or testing; samples keep their numbers",
    )  # fmt: skip
    run.add_argument(
        "--model",
        default="",
        help="mlp, cnn, resnet18, resnet20, resnet50, vgg11 or vit-tiny; an MLP of given widths, "
        "mlp:256,128; torchvision:NAME or timm:NAME, a classifier of that library with fresh "
        "weights (yours with --original); hub:FOLDER, an image classifier that timm or "
        "transformers saved (config.json beside model.safetensors), which is read as data and is "
        "the Original unless --original is given; or your own network as FILE.py:FUNCTION, a "
        "function of (shape, n_classes) that returns an nn.Module; this runs FILE.py as python "
        "would, so pass only files you trust",
    )
    run.add_argument(
        "--normalize",
        default="",
        metavar="HOW",
        help="how pixels in [0, 1] are normalized before they enter the network: dataset "
        "(statistics of the training set, the default), none (the network does it itself), or "
        "means/deviations, e.g. 0.5,0.5,0.5/0.25,0.25,0.25; a hub folder states its own",
    )
    run.add_argument(
        "--forget",
        default="",
        metavar="SPEC",
        help="class:8, class:8:0.5, class:8:100, random:100, random:10%%, group:patient=17 (all of "
        "a group), group:patient:5 (of so many groups, drawn), indices:FILE (text, CSV, JSON, "
        ".npy, .npz or .pt), indices:3,17,40-52 or files:FILE (names of samples, such as "
        "train/cat/03.png or 'cifar10 train 17', as rk-engine samples shows them)",
    )
    run.add_argument(
        "--methods",
        help="comma-separated unlearning methods (rurk,gd,ga, and neggrad-plus on fashion; none "
        "with --unlearned)",
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
        help=f"comma-separated additional measures: {_on_request()}; their settings are changed as "
        "those of methods, e.g. --set relearn-few.samples=5",
    )
    run.add_argument(
        "--retrains", type=int, help=f"number of Re-trains ({RETRAINS}, or as many as are given)"
    )
    _weights_options(run)
    _measurement_options(run)


def _on_request() -> str:
    return ", ".join(one.name.replace("_", "-") for one in METRICS if one.trains)


def _measurement_options(run: argparse.ArgumentParser) -> None:
    run.add_argument("--seed", type=int, default=131, help="seed of the study (%(default)s)")
    run.add_argument(
        "--perturbation", default="", help=f"{_either(names())} (gaussian; for messages words)"
    )
    run.add_argument(
        "--taus", default="", help="low:high:count or a list; the dataset's own if left out"
    )
    run.add_argument(
        "--draws", type=int, default=100, help="perturbed copies per sample (%(default)s)"
    )
    run.add_argument(
        "--adaptive",
        type=float,
        nargs="?",
        const=ADAPTIVE,
        metavar="PERCENT",
        help="draw only where r is still uncertain, at most --draws per sample, until its "
        "intervals are estimated to be this much wider than with --draws everywhere: a target, not "
        "a bound, because the estimate comes from the draws themselves (with 25, up to 64 %% was "
        f"observed) ({ADAPTIVE:g}); prevalence and verdicts are then not reported",
    )
    run.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (%(default)s)")
    run.add_argument(
        "--trust-imported",
        action="store_true",
        help="use models from imported bundles that have the same settings, which studies do not "
        "do by default; all results based on them are marked as imported, too",
    )
    run.add_argument(
        "--json", type=typed_path, metavar="FILE", help="write all figures to this file"
    )
    run.add_argument(
        "--csv", type=typed_path, metavar="FILE", help="write a tidy table: one row per run"
    )
    _store_option(run)


def _add_figure(commands: Any) -> None:
    figure = _command(
        commands, "figure", actions.figure, "draw a figure, and write its numbers as CSV beside it"
    )
    _key_argument(figure)
    figure_arguments.add(figure)


def _add_report(commands: Any) -> None:
    report = _command(
        commands,
        "report",
        actions.report,
        "write settings, tables and figures of a study on one page",
    )
    _key_argument(report)
    report.add_argument(
        "--out", required=True, type=typed_path, metavar="FILE", help=".html, or .pdf for print"
    )
    report.add_argument("--pdf", type=typed_path, metavar="FILE", help="also write it as PDF")


def _either(words: Sequence[str]) -> str:
    """'l2, linf or pgd', with percent signs doubled for argparse."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1]))).replace("%", "%%")


def _weights_options(run: argparse.ArgumentParser) -> None:
    given = run.add_argument_group(
        "external models",
        "state dicts written by torch.save(model.state_dict(), FILE), alone or in a checkpoint, or "
        ".safetensors, for the network of --model; files are read as weights only and nothing in "
        "them is run. Where a file holds several that fit, FILE::NAME selects one, e.g. "
        "FILE::state_dict_ema; a hub folder stands for the weights in it",
    )
    given.add_argument(
        "--original", type=typed_path, metavar="FILE", help="the Original, instead of training it"
    )
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
        help="an unlearned model to examine under this name; may be repeated",
    )


def _links_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--links",
        default="refuse",
        help="links that lead out of an image folder: refuse (the default), or follow, if you know "
        "where they lead: bundles of the study will contain the images they point to",
    )


def _add_reproduce(commands: Any) -> None:
    command = _command(
        commands,
        "reproduce",
        actions.reproduce,
        "run a preset of the paper and tabulate our figures beside the published ones",
    )
    command.add_argument("preset", help="digits, cifar10 ... or a file .toml; '?' lists them")
    command.add_argument(
        "--root", type=absolute, default="", help="folder of the data, if the preset needs one"
    )
    _links_option(command)
    command.add_argument("--seeds", default="", help="comma-separated; the preset's if left out")
    command.add_argument(
        "--quick", action="store_true", help="fewer epochs and draws: minutes on two cores"
    )
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    command.add_argument(
        "--out", type=typed_path, metavar="DIR", help="folder of the tables (<store>/tables)"
    )
    _store_option(command)


def _add_bench(commands: Any) -> None:
    bench = _command(
        commands,
        "bench",
        actions.bench,
        "time our implementations against straightforward ones on this machine",
    )
    bench.add_argument(
        "--only", default="", metavar="NAMES", help="comma-separated measurements; '?' lists them"
    )
    bench.add_argument("--quick", action="store_true", help="small sizes, one round: a first look")
    bench.add_argument(
        "--root", type=absolute, default="", help="folder of CIFAR-10 (synthetic images by default)"
    )
    bench.add_argument("--threads", type=int, help="cores for both implementations (all)")
    bench.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (%(default)s)")
    bench.add_argument(
        "--json", type=typed_path, metavar="FILE", help="write all numbers to this file"
    )
    bench.add_argument(
        "--plot", type=typed_path, metavar="FILE", help="plot how the cost grows (.svg, .pdf, .png)"
    )


def _command(
    commands: Any, name: str, function: Callable[[argparse.Namespace], int | None], help: str
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help)
    command.set_defaults(command=function)
    return command


def _store_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--store", type=typed_path, metavar="DIR", help="folder of results ($RK_EXPLORER_STORE)"
    )


def _key_argument(command: argparse.ArgumentParser) -> None:
    command.add_argument("key", help="key of the study or its first digits (rk-engine ls)")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    _store_option(command)
