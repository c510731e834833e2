"""Builds and connects all parts of the program; the only module that knows every class."""

from __future__ import annotations

import functools
import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QSize, Signal, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from engine.storage.paths import typed_path
from explorer import process, theme
from explorer.autopilot import Autopilot
from explorer.control.controller import Controller
from explorer.control.opening import session_on
from explorer.control.warm_up import WarmUp
from explorer.dialogs.confirm import Confirmer
from explorer.dialogs.exporter import Exporter
from explorer.dialogs.opener import Opener
from explorer.jobs.engine_factory import EngineFactory
from explorer.jobs.error_report import save_report
from explorer.jobs.lanes import CLOSE_S, Jobs
from explorer.state import forget_sets, recent_files, settings
from explorer.state.app_state import AppState
from explorer.state.autosave import Autosave
from explorer.state.notice import NEWS, Notice
from explorer.state.recent_files import SESSION, RecentItem, Recents
from explorer.state.remembered import LeftDataset, remember
from explorer.state.session import Look, Session
from explorer.widgets.notifications import Notifier
from explorer.window import frames, qt_errors
from explorer.window.view_figures import ViewFigures
from explorer.window.window import MainWindow

NEW_HERE = "New here? Seven steps show what this window tells. Help > Tour has them later."
OFFER_S = 20.0  # how long the tour is offered at the first start
NOT_CLOSED = "RK Explorer was not closed properly last time. File > Recent lists its session."


@dataclass(frozen=True)
class Options:
    """Command-line options; '' and None mean the value of the last session."""

    store: Path | None = None
    dataset: str = ""
    root: str = ""
    links: str = ""
    columns: str = ""
    device: str = "auto"
    theme: str = ""
    demo: bool = False
    screenshot: Path | None = None
    seed: int | None = None
    size: tuple[int, int] | None = None

    @property
    def scripted(self) -> bool:
        """Whether the program runs unattended: then no session is restored or saved."""
        return self.demo or self.screenshot is not None


class Explorer(QObject):
    """The program: state, lanes, controller and window, with start-up and shutdown."""

    _caught = Signal(str)
    _warned = Signal(str, str)

    def __init__(self, options: Options, make_engine: Any = None) -> None:
        """`make_engine(log)` creates the engine of a lane; by default a Pipeline."""
        super().__init__()
        qt_errors.harden()
        self.options = options
        store = options.store or _store_from_environment()
        self._file = settings.file_in(store)
        self._reports = self._file.parent / "reports"
        self._new_here = not self._file.exists()
        self.settings = settings.Settings() if options.scripted else settings.load(self._file)
        self.settings.theme = options.theme or self.settings.theme
        self.state = AppState(self)
        self.state.forget_sets = forget_sets.read(self.settings.forget_sets)
        warn = functools.partial(self._warned.emit, NEWS)
        factory = make_engine or EngineFactory(store, options.device, warn)
        self.jobs = Jobs(factory, self._reports, self)
        self.controller = Controller(self.state, self.jobs, self)
        self._set_up_warm_up()
        self.notifier = Notifier(self)
        self.controller.noticed.connect(self.notifier.say)
        self.controller.files.told.connect(self.notifier.show)
        self._caught.connect(self.notifier.fail)
        self._warned.connect(self.notifier.say)
        self.window = MainWindow(self.state, self.controller, self.notifier, self.settings)
        self.controller.exports.figures = ViewFigures(self.window, self.window.views)
        self.exporter = Exporter(self.controller, self.settings, self.window.prompts, self.window)
        self.exporter.told.connect(self.notifier.show)
        self._set_up_sessions()
        self.controller.runner.finished.connect(self._offer_study)
        self.controller.runner.all_finished.connect(self._offer_runs)
        self.controller.opening.held.connect(self._offer_queue)
        self.confirmer = Confirmer(self.controller, self.window)
        self._set_up_autopilot()
        self.window.painted.connect(self._begin)
        self.window.closing.connect(self._save_session)

    def _set_up_warm_up(self) -> None:
        """Show what is stored first: it takes no torch, and prefetching does."""
        self.controller.hold_prefetch(True)
        self.warm_up = WarmUp(self.state, self.jobs, self)
        self.warm_up.done.connect(functools.partial(self.controller.hold_prefetch, False))

    def _set_up_sessions(self) -> None:
        files, folder = self.controller.files, self._file.parent
        files.look = self.window.look
        self.recents = Recents(folder / recent_files.FILE)
        self.opener = Opener(
            self.controller, self.notifier, self.recents, self.window.prompts, self.window
        )
        self.opener.fill(self.window.actions_.menus["File/Recent"])
        self.window.dropper.dropped.connect(self.opener.take)
        self.window.recent_cleared.connect(self.opener.clear_recent)
        self.keeper = Autosave(folder / "live", files.session, self)
        self.keeper.failed.connect(self.notifier.fail)
        self.controller.opening.arriving.connect(self._show_look)
        self.controller.opening.restored.connect(self._show_views)

    def _set_up_autopilot(self) -> None:
        self.autopilot = Autopilot(self.controller, self.notifier, self.window)
        if self.options.demo:
            self.autopilot.run_once()
        if self.options.screenshot is not None:
            self.autopilot.end_with_picture(self.options.screenshot)

    def show(self) -> None:
        """Show the window; everything else starts after the first paint."""
        if self.options.size is not None:
            self.window.resize(QSize(*self.options.size))
        elif not self.options.scripted:
            self.window.arrange(settings.session_of(self.settings).look)
        self.window.show()

    def close(self) -> bool:
        """Stop all work; return False if some of it did not stop in time."""
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
        sentence = f"{studies} had not finished when the last session ended. See Runs."
        start = self.controller.queue.release
        self.notifier.show(Notice(NEWS, sentence, "Start them", start, stays=True))

    def report(self, error: BaseException) -> None:
        """Show an unexpected error, from any thread."""
        self._caught.emit(save_report(self._reports, "The last action", error))

    def _begin(self) -> None:
        if os.environ.get("RK_EXPLORER_TRACE"):
            loaded = "torch" in sys.modules
            age = process.age()
            print(f"first-paint {age:.3f} torch={loaded}", file=sys.stderr, flush=True)
        self.controller.opening.start(self._session())
        self.window.load_views()
        self.window.restore_views(settings.session_of(self.settings).look)
        if not self.options.scripted:
            self.keeper.begin()
            self._offer_restore()
            if self._new_here:
                self._offer_tour()

    def _session(self) -> Session:
        options, session = self.options, settings.session_of(self.settings)
        look = Look(views=session.look.views)  # the rest is already in place
        session = replace(session, look=look)
        form = session.form
        if options.dataset and (options.dataset, options.root) != (form.dataset, form.root):
            left = LeftDataset(form, session.forget, session.fingerprint, session.study)
            remembered = remember(session.remembered, left)
            opened = session_on(remembered, form, options.dataset, options.root)
            session = replace(opened, queue=session.queue, remembered=remembered)
        if options.seed is not None:
            session = replace(session, form=replace(session.form, seed=options.seed))
        if options.columns:
            session = replace(session, form=replace(session.form, columns=options.columns))
        if options.links:
            session = replace(session, form=replace(session.form, links=options.links))
        return session

    def _save_session(self) -> None:
        if self.options.scripted:
            return
        base = forget_sets.read(self.settings.forget_sets)
        others = forget_sets.read(settings.load(self._file).forget_sets)
        settings.record_session(self.settings, self.state, self.window.look())
        merged = forget_sets.merge(base, self.state.forget_sets, others)
        self.settings.forget_sets = forget_sets.as_plain(merged)
        try:
            settings.save(self._file, self.settings)
        except OSError as error:
            print(f"rk-explorer: this session could not be saved: {error}", file=sys.stderr)
        self.keeper.end()

    def _show_look(self, session: Session) -> None:
        """Apply a session's window settings just before its data are shown."""
        self.window.arrange(session.look)
        self.window.restore_views(session.look)
        if session.look.theme:
            self.window.choose_theme(session.look.theme)

    def _show_views(self, session: Session) -> None:
        """Restore the views again: some choose what to show while results arrive."""
        self.window.restore_views(session.look)

    def _offer_tour(self) -> None:
        """Offer the tour at the first start."""
        start = self.window.dialogs.show_tour
        self.notifier.show(Notice(NEWS, NEW_HERE, "Take the tour", start, seconds=OFFER_S))
        self.window.workspaces.chosen.connect(self._withdraw_tour)
        self.window.actions_.by_name["tour"].triggered.connect(self._withdraw_tour)

    def _withdraw_tour(self) -> None:
        """Take the offer back once somebody looks around without it: it covers a corner."""
        self.window.toasts.withdraw(NEW_HERE)

    def _offer_restore(self) -> None:
        """Offer to restore the session of a window that crashed; declining loses nothing."""
        paths = self.keeper.crashed()
        for path in reversed(paths):
            self.recents.add(RecentItem(SESSION, str(path), "not closed properly"))
        if paths:
            restore = functools.partial(self.controller.files.open_session, paths[0])
            self.notifier.show(Notice(NEWS, NOT_CLOSED, "Restore the last session", restore, True))


def run(options: Options) -> int:
    """Show the window until it is closed and return the exit status."""
    qInstallMessageHandler(process.on_qt_message)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("rk-explorer")
    app.setApplicationDisplayName("RK Explorer")
    app.setDesktopFileName("rk-explorer")
    theme.apply(app, theme.theme_of(theme.resolve(options.theme or "system")))
    app.setWindowIcon(theme.icon("app", theme.LIGHT))
    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # results are written atomically, so exiting is safe
    explorer = Explorer(options)
    process.catch_exceptions(explorer.report)
    if not options.scripted:  # a picture may be larger than the screen
        frames.fit(explorer.window)
    explorer.show()
    status = app.exec()
    process.release_clipboard()
    ended = explorer.close()
    if not ended:  # a lane is in third-party code that cannot be interrupted
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _store_from_environment() -> Path | None:
    folder = os.environ.get("RK_EXPLORER_STORE")
    return typed_path(folder) if folder else None
