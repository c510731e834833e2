"""Classifiers in hub folders and the models of Unlearning Comparator, dropped on the window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from bundles import start
from comparator_folders import RESULTS, cifar_folder, server
from hub_folders import hub_folder, stand_in
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from quick import finish

from engine.datasets import cifar10
from engine.external.comparator import NORMALIZE
from engine.runtime.libraries import torchvision
from explorer.app import Explorer
from explorer.dialogs.weights_dialog import WeightsDialog
from explorer.jobs.file_tasks import read_comparator
from explorer.widgets import drop

MEASURE = "Measure the models of Unlearning Comparator in"


@pytest.fixture
def explorer(qtbot: QtBot, tmp_path: Path) -> Iterator[Explorer]:
    result = start(qtbot, tmp_path / "store")
    yield result
    finish(result, qtbot)


def take(explorer: Explorer, qtbot: QtBot, path: Path) -> None:
    """Carry out what dropping this would do, until all is quiet."""
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.opener.take(drop.offer_for([path]))


def test_what_dropping_would_do_is_said(tmp_path: Path) -> None:
    hub, backend = hub_folder(tmp_path / "mine"), server(tmp_path / "backend")
    offers = {
        hub: (drop.HUB, "Use the classifier in mine in the next study"),
        backend: (drop.COMPARATOR, f"{MEASURE} backend"),
        backend / "data" / "3": (drop.COMPARATOR, f"{MEASURE} 3"),
        backend / "data" / "3" / "77aa.json": (
            drop.COMPARATOR, f"{MEASURE} 77aa.json"
        ),
        tmp_path / "session.json": (drop.SESSION, "Open the session session.json"),
    }  # fmt: skip
    for path, said in offers.items():
        offer = drop.offer_for([path])
        assert (offer.kind, offer.sentence) == said
    (hub / "config.json").unlink()
    assert drop.offer_for([hub]).kind == drop.UNKNOWN


def test_a_dropped_classifier_is_the_network_and_the_next_ones_are_models_of_it(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch)
    state = explorer.state
    images = _two_classes(tmp_path / "images")
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.controller.opening.open_dataset("folder", root=str(images), side=12)
    before = state.form.model
    mine, other = hub_folder(tmp_path / "mine"), hub_folder(tmp_path / "other", seed=1)
    take(explorer, qtbot, mine)
    assert state.form.model == f"hub:{mine}"
    QTest.mouseClick(explorer.window.toasts.toasts[-1].action, Qt.MouseButton.LeftButton)
    assert state.form.model == before
    take(explorer, qtbot, mine)
    explorer.opener.take(drop.offer_for([other]))
    dialog = explorer.window.findChild(WeightsDialog)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        QTest.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
    assert dict(state.form.weights) == {"other": str(other)}
    assert not explorer.notifier.errors


def test_a_classifier_that_does_not_fit_is_refused(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch)
    before = explorer.state.form
    take(explorer, qtbot, hub_folder(tmp_path / "mine"))
    assert "needs images" in explorer.window.message.text()
    assert explorer.state.form == before


def test_the_comparators_models_become_the_next_study(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = cifar_folder(tmp_path / "cifar")
    monkeypatch.setattr(cifar10, "root_of", lambda _: images)
    root = server(tmp_path / "backend", {name: RESULTS[name] for name in ("0003", "a003")})
    for seed, name in enumerate(("0003", "a003")):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            net = torchvision("torchvision.models").resnet18(num_classes=10)
            net.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        torch.save(net.state_dict(), root / "unlearned_models" / "3" / f"{name}.pth")
    take(explorer, qtbot, root)
    form = explorer.state.form
    assert (form.dataset, form.model, form.normalize) == ("cifar10", "resnet18", NORMALIZE)
    assert (form.methods, form.retrains, form.forget) == ((), 1, "class:3")
    assert set(form.weights) == {"original", "retrain-0"}
    assert explorer.state.forget == (12, 13, 14, 15)
    sentence = explorer.window.toasts.toasts[-1].notice.sentence
    assert sentence.startswith("The next study takes 2 models that forgot class 3 from backend.")
    assert not explorer.notifier.errors
    explorer.controller.opening.change_form(model="cnn")
    assert explorer.state.form.normalize == ""
    shutil.rmtree(root)  # 45 MB each


def test_results_without_weights_are_said_and_several_classes_are_a_choice(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    root = server(tmp_path / "backend")
    (root / "unlearned_models" / "3" / "77aa.pth").unlink()
    session, sentence = read_comparator(root, None, None)  # type: ignore[arg-type]
    assert set(session.form.weights) == {"original", "retrain-0", "Fine-Tuning-1f2e"}
    assert sentence.endswith("SCRUB (77aa) is left out: its weights, 77aa.pth, are not there.")
    (root / "unlearned_models" / "5").mkdir()
    (root / "unlearned_models" / "5" / "0005.pth").touch()
    take(explorer, qtbot, root)
    assert "or give its folder, data/3" in explorer.window.message.text()


def _two_classes(root: Path) -> Path:
    from PIL import Image

    for part, count in (("train", 6), ("test", 3)):
        for number, label in enumerate(("cats", "dogs")):
            folder = root / part / label
            folder.mkdir(parents=True)
            for image in range(count):
                color = (60 + 100 * number, 9 * image, 30)
                Image.new("RGB", (12, 12), color).save(folder / f"{image}.png")
    return root
