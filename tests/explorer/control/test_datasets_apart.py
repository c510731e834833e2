"""What is chosen on one dataset stays with it: settings, forget set, shown study, other runs."""

from __future__ import annotations

from dataclasses import replace

from quick import FORM
from ranks import first_in_rank
from real import Desk

from explorer.control.opening import session_on
from explorer.state.remembered import MOST, LeftDataset, recall, remember
from explorer.state.session import Session
from explorer.state.study_form import StudyForm


def test_another_dataset_starts_from_its_own_recommendations(desk: Desk) -> None:
    desk.open(Session(replace(FORM, seed=7, methods=("scrub",), draws=30)))
    desk.wait(desk.controller.opening.open_dataset, "digits")
    form, dataset = desk.state.form, desk.state.dataset
    assert dataset is not None
    assert form == StudyForm(
        dataset="digits", forget=dataset.recommended.forget, methods=dataset.recommended.compared
    )


def test_a_dataset_comes_back_as_it_was_left(desk: Desk) -> None:
    desk.open()
    desk.run()
    desk.qtbot.waitUntil(lambda: len(desk.state.studies) == 1)
    desk.controller.opening.change_form(draws=20)  # now the shown study is not the chosen one
    desk.controller.choice.select([1, 2, 60], "replace")
    desk.controller.forget_set.replace_by_selection()
    form, study = desk.state.form, desk.state.study
    assert study is not None
    desk.wait(desk.controller.opening.open_dataset, "digits")
    assert desk.state.study is None
    desk.wait(desk.controller.opening.open_dataset, "iris")
    assert (desk.state.form, desk.state.forget) == (form, (1, 2, 60))
    assert desk.state.study is not None and desk.state.study.key == study.key
    assert desk.state.selection.current == first_in_rank(study)


def test_a_study_that_was_deleted_meanwhile_is_not_missed(desk: Desk) -> None:
    desk.open()
    desk.run()
    key = desk.state.study.key if desk.state.study else ""
    desk.wait(desk.controller.opening.open_dataset, "digits")
    desk.wait(desk.controller.stored.delete, [key])
    desk.wait(desk.controller.opening.open_dataset, "iris")
    assert desk.state.study is None and desk.state.form.draws == FORM.draws
    assert [sentence for _, sentence in desk.said if "session" in sentence] == []


def test_what_was_chosen_elsewhere_survives_the_window(desk: Desk) -> None:
    elsewhere = LeftDataset(replace(FORM, dataset="digits", seed=7, draws=20))
    desk.open(Session(FORM, remembered=(elsewhere,)))
    desk.wait(desk.controller.opening.open_dataset, "digits")
    assert (desk.state.form.seed, desk.state.form.draws) == (7, 20)


def test_runs_of_other_data_are_no_longer_laid_beside(desk: Desk) -> None:
    desk.open()
    desk.run()
    first = desk.state.study
    desk.wait(lambda: desk.controller.opening.change_form(draws=20))
    desk.run()
    assert first is not None
    desk.qtbot.waitUntil(lambda: len(desk.state.studies) == 2)
    desk.wait(desk.controller.compare, (first.key,))
    assert desk.state.beside
    desk.wait(desk.controller.opening.open_study, first.key)  # of the same data: they stay
    assert desk.state.compared == (first.key,)
    desk.wait(desk.controller.opening.open_dataset, "digits")
    assert desk.state.compared == () and desk.state.beside is None


def test_the_latest_visit_to_a_place_counts_and_the_oldest_places_are_dropped() -> None:
    visits = [LeftDataset(StudyForm(root=f"/{number}")) for number in range(MOST + 5)]
    again = LeftDataset(StudyForm(root="/20", seed=7))
    datasets = ()
    for left in [*visits, again]:
        datasets = remember(datasets, left)
    assert len(datasets) == MOST and datasets[-1] == again
    assert recall(datasets, "fashion", "/20") == again
    assert recall(datasets, "fashion", "/0") is None
    assert recall(datasets, "digits", "/20") is None


def test_a_folder_opens_at_another_size_with_its_other_settings() -> None:
    left = LeftDataset(StudyForm(dataset="folder", root="/a", side=32, seed=7), (1,), "abc", "def")
    session = session_on((left,), StudyForm(watch=False), "folder", "/a", 64)
    assert session.form == replace(left.form, side=64, watch=False)
    assert (session.forget, session.fingerprint, session.study) == ((1,), "abc", "def")
