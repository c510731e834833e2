"""The command `tune`: its options, and what it does."""

from __future__ import annotations

import argparse
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import commands
from engine.errors import SpecError
from engine.storage import output_files
from engine.storage.paths import absolute, typed_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.paper.presets import Preset
    from engine.pipeline.pipeline import Pipeline
    from engine.tuning.contest import Conditions

HELP = "give every method the same number of trials of its settings, and keep the best"
TRIALS, DRAWS, RETRAINS = 30, 30, 3
FOLDER = "tuning"  # in the store, a store of its own: hundreds of trials are no studies to look at
SEEDS, RANK_SEEDS = "11,12,13,14,15", "131,42,7"


def add(command: argparse.ArgumentParser, links: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add the options to the command; links: adds the one that it shares with `reproduce`."""
    command.add_argument("dataset", help="as --dataset of run: digits, fashion ...")
    command.add_argument(
        "--root", type=absolute, default="", help="folder or file of the data; see run"
    )
    links(command)
    command.add_argument(
        "--methods", default="", help="comma-separated; all unlearning methods if left out"
    )
    command.add_argument(
        "--trials", type=int, default=TRIALS, metavar="N",
        help="settings to try of each method, its default among them (%(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--objective",
        default="gap",
        help="what to minimize: gap, the average gap to Re-train (the default), or rk, which adds "
        "the distance of residual knowledge from Re-train's, each as a share of the Original's",
    )
    command.add_argument(
        "--seeds", default=SEEDS, help="of the trials (%(default)s), none that tables report"
    )
    command.add_argument("--model", default="", help="the network; see run")
    command.add_argument("--forget", default="", metavar="SPEC", help="see run")
    command.add_argument("--perturbation", default="", help="see run")
    command.add_argument(
        "--taus", default="", help="low:high:count or a list; the dataset's own if left out"
    )
    command.add_argument(
        "--draws", type=int, default=DRAWS, help="copies per sample and tau, for rk (%(default)s)"
    )
    command.add_argument(
        "--retrains", type=int, default=RETRAINS, help="number of Re-trains (%(default)s)"
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OWNER.SETTING=VALUE",
        help="the same in every trial, not searched, e.g. ntk.retain_samples=300, train.epochs=10",
    )
    command.add_argument(
        "--rank",
        action="store_true",
        help="then run default and best settings on other seeds, and rank the methods",
    )
    command.add_argument(
        "--rank-seeds", default=RANK_SEEDS, metavar="SEEDS",
        help="for --rank: those that tables report (%(default)s), or others that are not among "
        "--seeds",
    )  # fmt: skip
    command.add_argument(
        "--out",
        type=typed_path,
        metavar="FILE.toml",
        help="preset to write, which reproduce runs (<store>/tuning/DATASET-OBJECTIVE.toml)",
    )
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")


def tune(options: argparse.Namespace) -> None:
    """Try settings of every method, print and write the best, and rank the methods if asked."""
    from engine.runtime.console import ConsoleReporter
    from engine.spec import DataSpec
    from engine.tuning import contest, preset_file

    conditions = _conditions(options)
    methods = _names(options.methods) or contest.all_methods()
    contest.check(methods, conditions)
    rank_seeds = _rank_seeds(options, conditions)
    pipeline = commands.pipeline_of(options)
    folder = pipeline.store.root / FOLDER
    out = options.out or _own_file(folder, options)
    _check(out)
    searching = commands.pipeline_of(argparse.Namespace(**{**vars(options), "store": folder}))
    with ConsoleReporter() as report:
        results = contest.tune(searching, methods, conditions, report)
        spec = DataSpec(options.dataset, options.root, conditions.seeds[0], links=options.links)
        data = searching.dataset(spec, report)
    print("\n".join(contest.lines(results)))
    best = preset_file.best_settings(out.stem, conditions, data, results)
    if not best.methods:
        raise SpecError("All trials of all methods failed: there is nothing to write.")
    output_files.write_text(out, preset_file.toml(best))
    print(out)
    if options.rank:
        default = preset_file.default_settings(out.stem, conditions, data, results)
        pair = [replace(one, seeds=rank_seeds) for one in (default, best)]
        print(f"\n{_ranking(pipeline, pair, options)}")


def _ranking(pipeline: Pipeline, presets: Sequence[Preset], options: argparse.Namespace) -> str:
    """The ranking with the settings of two presets, default and best."""
    from engine.runtime.console import ConsoleReporter
    from engine.tuning import ranking

    found = []
    for preset in presets:
        with ConsoleReporter() as report:
            words: Any = {"root": options.root, "links": options.links}
            found.append(ranking.evaluate(pipeline, preset, report, **words))
    return ranking.text(*found)


def _conditions(options: argparse.Namespace) -> Conditions:
    from engine import registry
    from engine.spec import parse_settings
    from engine.tuning.contest import Conditions

    registry.get("dataset", options.dataset)
    return Conditions(
        options.dataset, options.root, options.links, options.model, options.forget,
        options.perturbation, options.taus, options.draws, options.retrains,
        tuple(dict.fromkeys(commands.seeds(options.seeds))), options.objective, options.trials,
        parse_settings(options.set),
    )  # fmt: skip


def _rank_seeds(options: argparse.Namespace, conditions: Conditions) -> tuple[int, ...]:
    """SpecError where a seed was tuned on, or there is none."""
    found = tuple(dict.fromkeys(commands.seeds(options.rank_seeds)))
    shared = set(found) & set(conditions.seeds)
    if shared or not found:
        which = f"{min(shared)} is a seed of the trials" if shared else "there is none"
        raise SpecError(f"--rank-seeds must name seeds without a part in the choice, but {which}.")
    return found


def _names(text: str) -> Sequence[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _own_file(folder: Path, options: argparse.Namespace) -> Path:
    """A file in the folder, which is made if that is possible."""
    with contextlib.suppress(OSError):  # what cannot be written is told by `_check`
        folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{options.dataset}-{options.objective}.toml"


def _check(out: Path) -> None:
    """SpecError if the preset cannot be written, or would not be read."""
    if out.suffix != ".toml":
        raise SpecError(f"The preset {out} needs a name that ends in .toml, so that it is read.")
    output_files.check(out)
