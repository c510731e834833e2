"""Makes and wires everything: the only place that knows every class."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QMessageLogContext,
    QObject,
    QSize,
    QTimer,
    QtMsgType,
    Signal,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication

from engine.places import place
from explorer import forget_sets, overrides, recent, settings, theme
from explorer.collector import Collector
from explorer.confirm import Confirmer
from explorer.controller import Controller
from explorer.export import Exporter
from explorer.jobs import CLOSE_S, Jobs, Say
from explorer.keeping import Keeper
from explorer.notice import NEWS, Notice
from explorer.notify import Notifier
from explorer.opener import Opener
from explorer.recent import SESSION, Entry, Recents
from explorer.reports import save_report
from explorer.session import Look, Session
from explorer.state import AppState
from explorer.study_form import StudyForm
from explorer.window import MainWindow

if TYPE_CHECKING:
    from engine.pipeline import Pipeline

FAILED, UNUSABLE = 1, 2  # exit statuses: a job failed; nothing could be started
SETTLE_MS = 300  # for the last drawing before a screenshot
NOT_CLOSED = "RK Explorer was not closed properly the last time. File > Recent keeps its session."
NO_DISPLAY = (
    "rk-explorer: no window can be opened here. Check that DISPLAY or WAYLAND_DISPLAY names a "
    "running display, and that Qt's libraries are there (on Debian and Ubuntu: apt install "
    "libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxkbcommon-x11-0 libegl1). For a picture, run "
    "QT_QPA_PLATFORM=offscreen rk-explorer --demo --screenshot FILE; for studies without a "
    "window, use rk-engine."
)


@dataclass(frozen=True)
class Options:
    """What the command line asks for; '' and None leave it to the last session."""

    store: Path | None = None
    dataset: str = ""
    root: str = ""
    links: str = ""
    device: str = "auto"
    theme: str = ""
    demo: bool = False
    screenshot: Path | None = None
    seed: int | None = None
    size: tuple[int, int] | None = None

    @property
    def scripted(self) -> bool:
        """Whether nobody sits in front of it: then no session is brought back or kept."""
        return self.demo or self.screenshot is not None


class EngineFactory:
    """Makes a lane's engine, in the lane's thread: torch and h5py are imported there."""

    def __init__(self, store: Path | None, device: str, warn: Callable[[str], object]) -> None:
        """`warn` hears, once and in a lane's thread, of a store that may not be written to."""
        self._store, self._device, self._warn = store, device, warn
        self._warned = threading.Lock()  # taken by whoever warns, and never given back

    def __call__(self, say: Say) -> Pipeline:
        """A pipeline on the store, which leaves a core to the window.

        StoreError or SpecError where that is impossible.
        """
        from engine.runtime import preload_torch

        preload_torch()
        with Collector.loading():
            from engine.pipeline import Pipeline
            from engine.store import Store, default_store

        store = Store(self._store or default_store(), say)
        if store.refusal and self._warned.acquire(blocking=False):
            self._warn(store.refusal)
        return Pipeline(store, self._device, spare_cores=1)


class Explorer(QObject):
    """The program: state, lanes, controller and window, and how they begin and end."""

    _caught = Signal(str)
    _warned = Signal(str, str)

    def __init__(self, options: Options, make_engine: Any = None) -> None:
        """`make_engine(say)` makes a lane's engine; by default an `engine.pipeline.Pipeline`."""
        super().__init__()
        overrides.harden()
        self.options = options
        store = options.store or _store_from_environment()
        self._file = settings.file_in(store)
        self._reports = self._file.parent / "reports"
        self.settings = settings.Settings() if options.scripted else settings.load(self._file)
        self.settings.theme = options.theme or self.settings.theme
        self.state = AppState(self)
        self.state.forget_sets = forget_sets.read(self.settings.forget_sets)
        warn = functools.partial(self._warned.emit, NEWS)
        factory = make_engine or EngineFactory(store, options.device, warn)
        self.jobs = Jobs(factory, self._reports, self)
        self.controller = Controller(self.state, self.jobs, self)
        self.notifier = Notifier(self)
        self.controller.noticed.connect(self.notifier.say)
        self.controller.archive.told.connect(self.notifier.show)
        self._caught.connect(self.notifier.fail)
        self._warned.connect(self.notifier.say)
        self.window = MainWindow(self.state, self.controller, self.notifier, self.settings)
        self.exporter = Exporter(self.controller, self.settings, self.window)
        self.exporter.told.connect(self.notifier.show)
        self._set_up_sessions()
        self.controller.runner.finished.connect(self._offer_study)
        self.controller.runner.all_finished.connect(self._offer_runs)
        self.controller.opening.held.connect(self._offer_queue)
        self.confirmer = Confirmer(self.controller, self.window)
        self.autopilot = Autopilot(self)
        self.window.painted.connect(self._begin)
        self.window.closing.connect(self._keep)

    def _set_up_sessions(self) -> None:
        archive, folder = self.controller.archive, self._file.parent
        archive.look = self.window.look
        self.recents = Recents(folder / recent.FILE)
        self.opener = Opener(self.controller, self.notifier, self.recents, self.window)
        self.opener.fill(self.window.actions_.menus["File/Recent"])
        self.window.dropper.dropped.connect(self.opener.take)
        self.window.recent_cleared.connect(self.opener.clear_recent)
        self.keeper = Keeper(folder / "live", archive.session, self)
        self.keeper.failed.connect(self.notifier.fail)
        self.controller.opening.arriving.connect(self._show_look)
        self.controller.opening.restored.connect(self._show_views)

    def show(self) -> None:
        """Show the window; everything else begins once it is painted."""
        if self.options.size is not None:
            self.window.resize(QSize(*self.options.size))
        elif not self.options.scripted:
            self.window.arrange(settings.session_of(self.settings).look)
        self.window.show()

    def close(self) -> bool:
        """Stop all work; False if some of it did not stop in time."""
        self.window.close()
        return self.jobs.close(CLOSE_S)

    def _offer_study(self, key: str, sentence: str) -> None:
        show = functools.partial(self.controller.opening.open_study, key)
        self.notifier.show(Notice(NEWS, sentence, "Show it", show))

    def _offer_runs(self, sentence: str) -> None:
        show = functools.partial(self.window.go_to, "runs")
        self.notifier.show(Notice(NEWS, sentence, "Show runs", show))

    def _offer_queue(self, number: int) -> None:
        studies = "1 study" if number == 1 else f"{number:,} studies"
        sentence = f"{studies} had not ended when the session was left. Runs lists them."
        start = self.controller.queue.release
        self.notifier.show(Notice(NEWS, sentence, "Start them", start, stays=True))

    def report(self, error: BaseException) -> None:
        """Show an error nobody foresaw, from any thread."""
        self._caught.emit(save_report(self._reports, "The last action", error))

    def _begin(self) -> None:
        if os.environ.get("RK_EXPLORER_TRACE"):
            loaded = "torch" in sys.modules
            print(f"first-paint {process_age():.3f} torch={loaded}", file=sys.stderr, flush=True)
        self.window.load_views()
        self.window.restore_views(settings.session_of(self.settings).look)
        self.controller.opening.start(self._session())
        if not self.options.scripted:
            self.keeper.begin()
            self._offer_left()

    def _session(self) -> Session:
        options, kept = self.options, settings.session_of(self.settings)
        kept = replace(kept, look=Look(views=kept.look.views))  # the rest of it is there already
        form = kept.form
        if options.dataset and (options.dataset, options.root) != (form.dataset, form.root):
            fresh = StudyForm(
                dataset=options.dataset, root=options.root, seed=form.seed, watch=form.watch
            )
            kept = Session(fresh, queue=kept.queue)
        if options.seed is not None:
            kept = replace(kept, form=replace(kept.form, seed=options.seed))
        if options.links:
            kept = replace(kept, form=replace(kept.form, links=options.links))
        return kept

    def _keep(self) -> None:
        if self.options.scripted:
            return
        base = forget_sets.read(self.settings.forget_sets)
        theirs = forget_sets.read(settings.load(self._file).forget_sets)
        settings.keep(self.settings, self.state, self.window.look())
        kept = forget_sets.merged(base, self.state.forget_sets, theirs)
        self.settings.forget_sets = forget_sets.as_plain(kept)
        try:
            settings.save(self._file, self.settings)
        except OSError as error:
            print(f"rk-explorer: this session could not be kept: {error}", file=sys.stderr)
        self.keeper.end()

    def _show_look(self, session: Session) -> None:
        """What a session says about the window, just before its data are shown."""
        self.window.arrange(session.look)
        self.window.restore_views(session.look)
        if session.look.theme:
            self.window.choose_theme(session.look.theme)

    def _show_views(self, session: Session) -> None:
        """Once more: some views choose what to show while results arrive."""
        self.window.restore_views(session.look)

    def _offer_left(self) -> None:
        """Offer the session of a window that was not closed properly; none is lost by closing."""
        left = self.keeper.left()
        for path in reversed(left):
            self.recents.add(Entry(SESSION, str(path), "not closed properly"))
        if left:
            restore = functools.partial(self.controller.archive.open_session, left[0])
            self.notifier.show(Notice(NEWS, NOT_CLOSED, "Restore the last session", restore, True))


class Autopilot(QObject):
    """Runs the suggested study (--demo), and ends with a picture of it all (--screenshot)."""

    def __init__(self, explorer: Explorer) -> None:
        super().__init__(explorer)
        self._explorer = explorer
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._finish)
        if explorer.options.demo:
            explorer.controller.opening.opened.connect(self._demonstrate)
        if explorer.options.screenshot is not None:
            explorer.jobs.idle.connect(self._settle)

    def _demonstrate(self) -> None:
        controller = self._explorer.controller
        controller.opening.opened.disconnect(self._demonstrate)
        controller.run()

    def _settle(self) -> None:
        self._timer.start(SETTLE_MS)

    def _finish(self) -> None:
        explorer, out = self._explorer, self._explorer.options.screenshot
        if explorer.jobs.busy() or out is None:
            return
        errors = list(explorer.notifier.errors)
        if not save_picture(explorer.window, out):
            errors.append(f"The screenshot could not be written to '{out}'.")
        for sentence in errors:
            print(f"rk-explorer: {sentence}", file=sys.stderr)
        QApplication.exit(FAILED if errors else 0)


def save_picture(window: MainWindow, out: Path) -> bool:
    """Write the window as it looks now; whether that worked."""
    return window.grab().save(str(out))


def run(options: Options) -> int:
    """Show the window until it is closed; the exit status."""
    qInstallMessageHandler(_on_qt_message)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("rk-explorer")
    app.setApplicationDisplayName("RK Explorer")
    app.setDesktopFileName("rk-explorer")
    theme.apply(app, theme.theme_of(theme.resolve(options.theme or "system")))
    app.setWindowIcon(theme.icon("app", theme.LIGHT))
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # results are written atomically: ending is safe
    explorer = Explorer(options)
    _catch_exceptions(explorer)
    explorer.show()
    status = app.exec()
    ended = explorer.close()
    if not ended:  # a lane is inside foreign code that cannot be asked to stop
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def process_age() -> float:
    """Seconds since this process was started (since this module was imported, off Linux)."""
    try:
        after_name = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2]
        ticks = int(after_name.split()[19])  # field 22, starttime, of proc(5)
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return time.monotonic() - _IMPORTED


_IMPORTED = time.monotonic()


def _store_from_environment() -> Path | None:
    named = os.environ.get("RK_EXPLORER_STORE")
    return place(named) if named else None


def _catch_exceptions(explorer: Explorer) -> None:
    def in_main(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        sys.__excepthook__(kind, error, trace)
        explorer.report(error)

    def in_thread(facts: threading.ExceptHookArgs) -> None:
        if facts.exc_value is not None:
            explorer.report(facts.exc_value)

    sys.excepthook = in_main
    threading.excepthook = in_thread


def _on_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    """Qt's words on standard error; where it would abort for want of a display, a sentence."""
    if kind == QtMsgType.QtFatalMsg:  # Qt would abort next
        print(NO_DISPLAY, file=sys.stderr, flush=True)
        os._exit(UNUSABLE)
    if "propagateSizeHints" not in message:  # all that the offscreen platform has to say
        print(f"rk-explorer: {message}", file=sys.stderr)
