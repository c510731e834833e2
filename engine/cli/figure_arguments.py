"""The arguments of `rk-engine figure`: what is drawn, and how it stands on a page."""

from __future__ import annotations

import argparse

from engine.analysis.point_colors import COLOR_SCHEMES
from engine.figures.catalog import KINDS
from engine.figures.page_options import LEGENDS
from engine.membership.attack import MEMBERS
from engine.membership.scores import SCORES
from engine.storage.paths import typed_path


def add(figure: argparse.ArgumentParser) -> None:
    """Add them to the parser of the command."""
    figure.add_argument(
        "--kind", required=True,
        help=f"{', '.join(sorted(KINDS))}; several, comma-separated, or all: a set",
    )  # fmt: skip
    figure.add_argument(
        "--out",
        required=True,
        type=typed_path,
        help="file: .png, .svg or .pdf; for a set: its folder",
    )
    figure.add_argument(
        "--format", choices=("svg", "pdf", "png"), default="svg",
        help="format of the files of a set (%(default)s)",
    )  # fmt: skip
    page = figure.add_argument_group(
        "page", "by default 89 mm wide or as wide as the kind needs, and as high as its content"
    )
    page.add_argument(
        "--width", type=float, metavar="MM",
        help="width of the figure: 89 for one column of a journal, 120, or 183 for two",
    )  # fmt: skip
    page.add_argument(
        "--height", type=float, metavar="MM",
        help="height of the figure (as high as its panels and words need)",
    )  # fmt: skip
    page.add_argument(
        "--legend", choices=tuple(LEGENDS),
        help="place of the legend: auto (right of wide figures, else below), right, below, inside "
        "or none",
    )  # fmt: skip
    page.add_argument("--font", type=float, metavar="PT", help="size of its text in points (8)")
    page.add_argument(
        "--title", action="store_const", const=True,
        help="write the caption above the figure too; it is always written beside it as .txt",
    )  # fmt: skip
    page.add_argument(
        "--transparent", action="store_const", const=True,
        help="leave out the white background",
    )  # fmt: skip
    page.add_argument("--dpi", type=float, help="dots per inch of a .png (300)")
    figure.add_argument(
        "--log", action=argparse.BooleanOptionalAction, default=None,
        help="curves, sample-curve, epochs: r on a logarithmic axis; attack: the false positive "
        "rate; comparison: the samples of the tab confidence",
    )  # fmt: skip
    figure.add_argument(
        "--measure", help="curves: pooled (the default), residual (the paper's mean of samples), "
        "prevalence, disagreement, accuracy, certified or loss",
    )  # fmt: skip
    figure.add_argument("--sample", type=int, help="neighborhood, slice, sample-curve: its number")
    figure.add_argument(
        "--tau", type=float, help="metrics, scatter, neighborhood, slice, embedding: norm"
    )
    figure.add_argument("--model", help="epochs, samples, sample-curve: which model")
    figure.add_argument("--epoch", type=int, help="epochs: the epoch to highlight (the last)")
    figure.add_argument("--a", metavar="MODEL", help="comparison, embedding, attack: one model")
    figure.add_argument("--b", metavar="MODEL", help="same kinds: the other model")
    figure.add_argument("--tab", help="comparison: classes, predictions, similarity or confidence")
    figure.add_argument("--split", help="comparison: retain, forget or test")
    figure.add_argument(
        "--any-class", dest="matched", action="store_const", const=False,
        help="attack: compare with test samples of any class, not only of the members' classes",
    )  # fmt: skip
    figure.add_argument(
        "--score",
        help=f"attack: {', '.join(SCORES)} (confidence); u-lira and rmia compare each sample with "
        "itself under Re-trains and models of other seeds",
    )
    figure.add_argument("--members", help=f"attack: {' or '.join(MEMBERS)} (forget)")
    figure.add_argument(
        "--per-sample", action="store_const", const=True,
        help="attack: write the score of every sample to the CSV instead of the curves",
    )  # fmt: skip
    figure.add_argument("--color", help=f"embedding: color points by {', '.join(COLOR_SCHEMES)}")
