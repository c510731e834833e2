"""Sample filters of the form model + condition + value, with a text form that sessions store.

'gd predicts 3', 'original right', 'gd differs retrain-0', 'gd confidence < 0.5', 'any r > 1.5',
'any verdict residual', 'gd tau < 0.1', 'all disagree'.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.sample_table import ANY, ModelPredictions, SampleTable
from engine.arrays import Floats, Mask
from engine.drawing.labels import model_label
from engine.errors import SpecError, unknown
from engine.residual.verdict import VERDICTS, verdict_rule

ALL = "all"  # in place of a model: all models
ANSWERS, MEASURES, SEARCH = "answers", "measures", "search"  # the data that a condition needs
NOTHING, CLASS, NUMBER, MODEL, VERDICT = "", "class", "number", "model", "verdict"
_VERDICT_NUMBERS = {words: number for number, words in VERDICTS.items()}
Test = Callable[[SampleTable, str, str], Mask | None]


@dataclass(frozen=True)
class Kind:
    """One kind of condition.

    words: how it reads after the model's name, with {0} for the value; needs: the data it needs;
    value: the kind of value it compares with; help: its meaning, with unit and range; test:
    (evidence, model, value) -> (n,) bool, None while the data are not available.
    """

    name: str
    words: str
    needs: str
    value: str
    help: str
    test: Test


@dataclass(frozen=True)
class Condition:
    """A condition on samples: `model` (ANY, ALL or a name), the name of a kind, and its value."""

    model: str
    name: str
    value: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.model, self.name, self.value) if part)


def parse(text: str) -> Condition:
    """Parse the text form of a condition; SpecError if it is invalid."""
    read = re.fullmatch(r"(\S+)\s+([a-z]+(?:\s*[<>])?)\s*(.*)", text.strip())
    if read is None:
        raise SpecError(f"'{text}' is not a filter. Write for example 'gd predicts 3'.")
    name = re.sub(r"\s*([<>])", r" \1", read[2])
    if name not in KINDS:
        raise unknown("condition", name, KINDS)
    return validated_condition(Condition(read[1], name, read[3].strip()))


def validated_condition(condition: Condition) -> Condition:
    """Return the condition if its value fits its kind; otherwise raise SpecError."""
    kind, value = KINDS[condition.name], condition.value
    if not _FITS[kind.value](value):
        raise SpecError(f"'{condition}': {_WANTED[kind.value]}, but '{value}' is not.")
    if (condition.model == ALL) != (kind.name in OF_ALL):
        raise SpecError(f"'{condition}': this condition does not apply to '{condition.model}'.")
    if condition.model == ANY and kind.needs != MEASURES:
        raise SpecError(f"'{condition}': name a specific model.")
    return condition


def mask(condition: Condition, evidence: SampleTable) -> Mask | None:
    """(n,) bool: which samples meet the condition; None while its data are not available.

    A sample whose r is undefined or was not measured meets no condition on r or tau.
    """
    return KINDS[condition.name].test(evidence, condition.model, condition.value)


def matching(conditions: Iterable[Condition], evidence: SampleTable) -> Mask:
    """(n,) bool: which samples meet all conditions; none if data for a condition are missing."""
    matches = np.ones(len(evidence), bool)
    for condition in conditions:
        mask_of_condition = mask(condition, evidence)
        matches &= False if mask_of_condition is None else mask_of_condition
    return matches


def words(condition: Condition, labels: Mapping[str, str], classes: Sequence[str]) -> str:
    """The condition in readable form: 'GD predicts ship'. labels: model -> display name."""
    kind, value = KINDS[condition.name], condition.value
    if kind.value == CLASS and int(value) < len(classes):
        value = classes[int(value)]
    elif kind.value == MODEL:
        value = model_label(value, labels)
    return f"{subject(condition.model, labels)} {kind.words.format(value)}"


def subject(model: str, labels: Mapping[str, str]) -> str:
    """Display name of a model, ANY or ALL at the start of a condition."""
    return {ANY: "Any method", ALL: "Models"}.get(model) or model_label(model, labels)


# -- tests ------------------------------------------------------------------------------------
def _answered(test: Callable[[ModelPredictions, str], Mask]) -> Test:
    def test_answers(evidence: SampleTable, model: str, value: str) -> Mask | None:
        answers = evidence.answers(model)
        return None if answers is None else np.asarray(test(answers, value))

    return test_answers


def _compared(values: Callable[[SampleTable, str], Floats | None], *, below: bool) -> Test:
    """Test whether a value is below (or above) a number; NaN is neither."""

    def test_value(evidence: SampleTable, model: str, value: str) -> Mask | None:
        own = values(evidence, model)
        if own is None:
            return None
        return np.asarray(own < float(value) if below else own > float(value))

    return test_value


def _loss(evidence: SampleTable, model: str) -> Floats | None:
    answers = evidence.answers(model)
    return None if answers is None else answers.loss


def _confidence(evidence: SampleTable, model: str) -> Floats | None:
    answers = evidence.answers(model)
    return None if answers is None else answers.confidence


def _differs(evidence: SampleTable, model: str, value: str) -> Mask | None:
    one, other = evidence.answers(model), evidence.answers(value)
    if one is None or other is None:
        return None
    return np.asarray(one.predicted != other.predicted)


def _disagree(evidence: SampleTable, model: str, value: str) -> Mask | None:
    answers = [evidence.answers(name) for name in evidence.models]
    predictions = [one.predicted for one in answers if one is not None]
    if not predictions:
        return None
    return np.asarray((np.stack(predictions) != predictions[0]).any(0))


def _agree(evidence: SampleTable, model: str, value: str) -> Mask | None:
    apart = _disagree(evidence, model, value)
    return None if apart is None else ~apart


def _undefined(evidence: SampleTable, model: str, value: str) -> Mask | None:
    ratio, residual = evidence.ratio(model), evidence.residual
    if ratio is None or residual is None:
        return None
    measured = np.zeros(len(evidence), bool)
    measured[residual.samples] = True
    return np.asarray(measured & np.isnan(ratio))


def _verdict(evidence: SampleTable, model: str, value: str) -> Mask | None:
    verdicts = evidence.verdict(model)
    return None if verdicts is None else np.asarray(verdicts == _VERDICT_NUMBERS[value])


def _bounds(
    name: str,
    label: str,
    needs: str,
    values: Callable[[SampleTable, str], Floats | None],
    help: str,
) -> tuple[Kind, Kind]:
    below, above = _compared(values, below=True), _compared(values, below=False)
    return (
        Kind(f"{name} <", label + " < {0}", needs, NUMBER, help, below),
        Kind(f"{name} >", label + " > {0}", needs, NUMBER, help, above),
    )


KINDS = {
    kind.name: kind
    for kind in (
        Kind("predicts", "predicts {0}", ANSWERS, CLASS, "The model predicts this class",
             _answered(lambda own, value: own.predicted == int(value))),
        Kind("right", "is right", ANSWERS, NOTHING, "The model predicts the true class",
             _answered(lambda own, value: own.right)),
        Kind("wrong", "is wrong", ANSWERS, NOTHING, "The model predicts another class",
             _answered(lambda own, value: ~own.right)),
        Kind("differs", "differs from {0}", ANSWERS, MODEL, "The two predict different classes",
             _differs),
        *_bounds("confidence", "confidence", ANSWERS, _confidence,
                 "Probability of the true class, 0 to 1"),
        *_bounds("loss", "loss", ANSWERS, _loss, "Cross-entropy in nats, from 0"),
        *_bounds("r", "r", MEASURES, SampleTable.ratio,
                 "Residual knowledge, the largest over τ, from 0; 1 means the same as Re-train"),
        Kind("undefined", "has no defined r", MEASURES, NOTHING,
             "At no τ did a Re-train recognize any copy, so r has no denominator",
             _undefined),
        Kind("verdict", "verdict: {0}", MEASURES, VERDICT,
             verdict_rule(), _verdict),
        *_bounds("q", "q", MEASURES, SampleTable.q_value,
                 "Smallest false discovery rate at which the sample counts as residual, 0 to 1"),
        *_bounds("radius", "certified radius", MEASURES, SampleTable.certified_radius,
                 "L2 length in pixel range [0, 1] of shifts that cannot make the smoothed model "
                 "less sure of the sample than Re-train; 0 where nothing is certain, only with "
                 "Gaussian noise"),
        *_bounds("tau", "τ*", SEARCH, SampleTable.smallest_tau,
                 "Smallest τ at which a forget sample is recognized again, in pixel range [0, 1]; "
                 "infinite where it is not"),
        Kind("disagree", "disagree", ANSWERS, NOTHING, "Not all models predict the same class",
             _disagree),
        Kind("agree", "agree", ANSWERS, NOTHING, "All models predict the same class", _agree),
    )
}  # fmt: skip
OF_ALL = ("disagree", "agree")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


_FITS: Mapping[str, Callable[[str], bool]] = {
    NOTHING: lambda text: not text,
    CLASS: lambda text: re.fullmatch(r"\d{1,9}", text) is not None,
    NUMBER: _is_number,
    MODEL: lambda text: re.fullmatch(r"\S+", text) is not None,
    VERDICT: lambda text: text in _VERDICT_NUMBERS,
}
_WANTED = {
    NOTHING: "this condition takes no value",
    CLASS: "the value must be the number of a class",
    NUMBER: "the value must be a number",
    MODEL: "the value must be the name of a model",
    VERDICT: f"the value must be one of {', '.join(_VERDICT_NUMBERS)}",
}
