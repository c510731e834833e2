"""Take the pictures of every screen and theme, and put them on contact sheets."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.gallery.screens import SCREENS, Screen, server
from tests.gallery.sheets import write_sheets

THEMES = ("light", "dark")
GROUPS = {"workspaces": 880, "views": 880, "popups": 400, "tips": 440, "dialogs": 880}
ROOT = Path(__file__).parents[2]
BORDER = (8, 40)  # px that the window manager's frame takes


def main(arguments: list[str]) -> int:
    """Return 0: complaints are printed and written beside the pictures, and are to be looked at."""
    parser = argparse.ArgumentParser(prog="python -m tests.gallery", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--screen", action="append", help="only this one, such as 1280x800")
    parser.add_argument("--theme", action="append", choices=THEMES, help="only this one")
    parser.add_argument("--parts", help="only these, such as workspaces,dialogs")
    parser.add_argument("--no-figures", action="store_true", help="leave exported figures out")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for screen in SCREENS:
        if options.screen and screen.name not in options.screen:
            continue
        for theme in options.theme or THEMES:
            _photograph(screen, theme, options.out / f"{screen.name}-{theme}", options.parts)
    if not options.no_figures:
        from tests.gallery.figures import write_figures

        figures = write_figures(options.out / "figures")
        write_sheets(figures, options.out / "sheet-figures", widest=880)
    return 0


def _photograph(screen: Screen, theme: str, out: Path, parts: str | None) -> None:
    width, height = screen.width // screen.scale, screen.height // screen.scale
    size = f"{width - BORDER[0]}x{height - BORDER[1]}"
    if screen.name == "1280x800":  # the size that the canvas of a workspace is measured at
        size, screen = "1280x800", Screen(1300, 850)
    out.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    with tempfile.TemporaryDirectory() as store, server(screen) as environment:
        for kind, dataset in (("filled", ""), ("empty", "iris")):
            wanted = parts or ("workspaces,views,cards,popups,tooltips,dialogs,notices,tour")
            if kind == "empty":
                wanted = "workspaces,views"
            command = [
                sys.executable, "-m", "tests.gallery.photographer", "--out", str(out),
                "--store", f"{store}/{kind}", "--theme", theme, "--size", size, "--kind", kind,
                "--parts", wanted, *(["--dataset", dataset] if dataset else []),
            ]  # fmt: skip
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )
            complaints += [*done.stdout.splitlines(), *done.stderr.splitlines()]
    (out / "complaints.txt").write_text("\n".join(complaints) + "\n", encoding="utf-8")
    print(f"{out}: {len(complaints)} lines in complaints.txt")
    pictures = sorted(out.glob("*.png"))
    prefixes = {
        "workspaces": ("filled-workspace", "empty-workspace"),
        "views": ("filled-view", "empty-view"),
        "popups": ("card", "popup", "menu"), "tips": ("tip",),
        "dialogs": ("dialog", "notices", "tour"),
    }  # fmt: skip
    for group, widest in GROUPS.items():
        chosen = [one for one in pictures if one.stem.startswith(prefixes[group])]
        write_sheets(chosen, out.with_name(f"sheet-{out.name}-{group}"), widest=widest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
