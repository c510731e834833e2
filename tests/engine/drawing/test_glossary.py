"""The glossary: its file is complete, its links lead somewhere, and it is searched by any word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine import metrics, perturbations, registry
from engine.drawing.glossary import Term, mentions, search, term, term_in, terms

ROOT = Path(__file__).parents[3]
NAMES = [one.name for one in terms()]
EXPECTED = (
    "Residual knowledge", "Tau", "Perturbation", "Forget set", "Retain set", "Validation set",
    "Original", "Re-train", "Null band", "Pooled ratio", "Posterior", "Exceedance", "Verdict",
    "Prevalence", "Disagreement", "Adaptive draws", "Undefined r", "Membership inference",
    "MIA accuracy", "Average gap", "Re-learn epochs", "Pareto front", "CKA", "Joint UMAP",
    "Smallest tau", "Decision slice", "Carrier", "Study", "Store", "Key", "Fingerprint", "Bundle",
    "Session", "Preset",
)  # fmt: skip


def names(text: str) -> list[str]:
    return [one.name for one in search(text, terms())]


def test_the_terms_of_the_window_are_all_there_in_order() -> None:
    assert set(EXPECTED) <= set(NAMES)
    assert [name.casefold() for name in NAMES] == sorted({name.casefold() for name in NAMES})


@pytest.mark.parametrize("term", terms(), ids=lambda term: term.name)
def test_each_term_is_explained_in_a_few_sentences_and_links_to_others(term: Term) -> None:
    assert term.text.endswith(".") and 40 < len(term.text) < 400
    assert term.text == " ".join(term.text.split())  # one paragraph
    assert not term.source.endswith(".")  # the dialog ends it
    assert set(term.see) <= set(NAMES) - {term.name}
    assert len({one.casefold() for one in term.also}) == len(term.also)


def test_each_term_can_be_reached_from_another() -> None:
    assert {name for one in terms() for name in one.see} == set(NAMES)


def test_every_perturbation_and_every_measure_leads_to_a_term() -> None:
    assert all(names(one.label) for one in perturbations.every())
    shown = [one.label for one in metrics.METRICS if one.name != "seconds"]
    assert shown and all(names(label) for label in shown)


def test_a_name_counts_more_than_another_word_and_that_more_than_the_text() -> None:
    assert names("null")[0] == "Null band"
    assert names("mia")[:2] == ["MIA accuracy", "Membership inference"]
    assert names("r_tau")[0] == "Residual knowledge"
    assert names("Carlini") == ["Membership inference"]  # a source
    assert names("π/2") == ["e-value"]  # in a formula


def test_every_word_must_occur_in_any_case_and_order() -> None:
    assert names("KNOWLEDGE residual")[0] == "Residual knowledge"
    assert names("retrain null") == names("null Re-Train")
    assert names("retrain null")[0] == "Null band"
    assert names("residual zebra") == []
    assert names("") == names("  ") == NAMES


def test_reading_it_imports_nothing_heavy() -> None:
    code = (
        "import sys; from engine.drawing.glossary import terms; terms(); "
        "print(sorted({'torch', 'numpy', 'PySide6'} & sys.modules.keys()))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


def test_listing_methods_finds_the_term_that_explains_them() -> None:
    assert "rurk" in registry.names("method") and names("rurk")[0] == "Method"


def marked(sentence: str) -> list[tuple[str, str]]:
    return [
        (sentence[one.start : one.start + one.length], one.term.name) for one in mentions(sentence)
    ]


def test_terms_are_found_in_a_sentence_the_longest_first_and_each_once() -> None:
    sentence = "Perturbed copies of forget samples: r of a Re-train, and r again, at tau 0.1"
    assert marked(sentence) == [
        ("Perturbed copies", "Perturbation"),
        ("forget samples", "Forget set"),
        ("r", "Residual knowledge"),
        ("Re-train", "Re-train"),
        ("tau", "Tau"),
    ]
    assert marked("Null bands; R, re-trained, reseed, originals") == [("Null bands", "Null band")]
    assert marked("") == [] and marked("<b>tau</b>") == [("tau", "Tau")]


def test_every_mark_finds_its_own_term_and_no_two_terms_share_one() -> None:
    words = [word for one in terms() for word in one.mark]
    assert len(set(words)) == len(words)
    for one in terms():
        for word in one.mark:
            assert marked(f"The {word}.") == [(word, one.name)]


def test_a_widget_without_a_mention_is_found_by_its_name() -> None:
    assert term_in("Gaussian") is term("Perturbation")
    assert term_in("zebra", "the null band of it") is term("Null band")
    assert term_in("zebra") is None and term("zebra") is None
