"""The program as a process: arguments, missing display, first paint, screenshots, exit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE
from PySide6.QtGui import QImage

from engine import __version__
from engine.errors import SpecError
from explorer import __main__ as program

SCREEN = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
LOADED = "import sys; loaded = {name.split('.')[0] for name in sys.modules}; "


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh interpreter, without a display unless one is given."""
    stored = {name: value for name, value in os.environ.items() if name not in SCREEN}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**stored, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `rk-explorer` with these arguments."""
    code = f"import sys; from explorer.__main__ import main; sys.exit(main({list(arguments)!r}))"
    return python(code, **environment)


def test_where_the_engine_is_alone_the_window_says_what_it_lacks() -> None:
    hiding = "import importlib.util as u; u.find_spec = lambda name: None; "
    done = python(f"{hiding}from explorer.__main__ import main; import sys; sys.exit(main([]))")
    assert done.returncode == 2
    assert "the window needs PySide6 and pyqtgraph, which this environment lacks" in done.stderr


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_import_neither_qt_nor_torch(argument: str) -> None:
    code = (
        f"from explorer.__main__ import main\ntry: main([{argument!r}])\n"
        f"except SystemExit: pass\n{LOADED}"
        "print(sorted(loaded & {'PySide6', 'torch', 'numpy', 'h5py'}))"
    )
    messages = python(code).stdout
    assert messages.endswith("[]\n")
    assert ("--screenshot FILE" if argument == "--help" else __version__) in messages


def test_without_a_display_a_sentence_says_what_to_do() -> None:
    done = start()
    assert done.returncode == 2
    assert "QT_QPA_PLATFORM=offscreen" in done.stderr and "rk-engine" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="X11 is Linux's")
def test_a_display_that_does_not_answer_is_not_qts_abort() -> None:
    done = start(DISPLAY=":4711", QT_QPA_PLATFORM="xcb")
    assert done.returncode == 2
    assert "cannot open a window" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset", "digitz"], "Did you mean 'digits'?"),
        (["--theme", "drak"], "Did you mean 'dark'?"),
        (["--device", "gpu"], "There is no device 'gpu'"),
        (["--screnshot", "a.png"], "Did you mean '--screenshot'?"),
        (["--screenshot"], "expected one argument"),
        (["--size", "big"], "1440x900"),
        (["--size", "0x10"], "1440x900"),
        (["--seed", "-1"], "--seed must be a non-negative integer"),
        (["digits"], "digits"),
    ],
)
def test_bad_arguments_get_a_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(arguments) == 2
    messages = capsys.readouterr().err
    assert messages.startswith("rk-explorer: ") and words in messages
    assert messages.count("\n") == 1


def test_valid_arguments_are_parsed() -> None:
    requests = program.parse(
        ["--dataset", "iris", "--seed", "7", "--size", "1024x768", "--device", "cuda:1", "--demo"]
    )
    assert (requests.dataset, requests.seed, requests.size) == ("iris", 7, (1024, 768))
    assert requests.demo and requests.screenshot is None


def test_offscreen_needs_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SCREEN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(SpecError, match="no display"):
        program.check_display()
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen:enable_fonts")
    program.check_display()


def test_the_first_paint_comes_without_torch_and_the_picture_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "window.png"
    done = start(
        "--dataset", "iris", "--store", str(tmp_path / "store"), "--screenshot", str(out),
        "--size", "1200x800", "--theme", "dark",
        QT_QPA_PLATFORM="offscreen", RK_EXPLORER_TRACE="1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    painted = re.fullmatch(r"first-paint (\d+\.\d+) torch=False\n", done.stderr)
    assert painted and 0 < float(painted[1]) < 10
    image = QImage(str(out))
    assert (image.width(), image.height()) == (1200, 800)
    assert not (tmp_path / "store" / "explorer.json").exists()


def test_a_failed_job_makes_the_picture_exit_with_its_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    out = str(tmp_path / "window.png")
    done = start("--store", str(blocked), "--screenshot", out, QT_QPA_PLATFORM="offscreen")
    assert done.returncode == 1
    assert str(blocked) in done.stderr


CLOSE_WHILE_TRAINING = """
import sys
from dataclasses import replace
from pathlib import Path
from PySide6.QtCore import QTimer
from explorer import app

class Closing(app.Explorer):
    def show(self):
        super().show()
        self.timer = QTimer(self)
        self.timer.timeout.connect(self.look)
        self.controller.opening.opened.connect(self.train)
        self.timer.start(20)

    def train(self):
        self.controller.opening.change_form(training={"epochs": 10_000})
        self.controller.run()

    def look(self):
        if len(self.state.losses.get("original", ())) > 3:
            self.timer.stop()
            print("closing", flush=True)
            self.window.close()

app.Explorer = Closing
sys.exit(app.run(app.Options(store=Path(sys.argv[1]), dataset="iris")))
"""


def test_closing_while_training_ends_the_process_before_the_study_is_made(tmp_path: Path) -> None:
    store = tmp_path / "store"
    code = f"import sys; sys.argv[1:] = [{str(store)!r}]\n{CLOSE_WHILE_TRAINING}"
    done = python(code, QT_QPA_PLATFORM="offscreen")
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout == "closing\n"
    assert not list(store.glob("studies/*.h5"))
    assert (store / "explorer.json").exists()
