"""A line of text that selects studies: words, tags and comparisons, all of which must hold.

    seed=131 retain>95 rurk.r<1.2 tag:paper digits -failed "half of class 8"

A word is found anywhere in what is shown of a study; `-` in front excludes. `field:text` finds the
text in one field. `field<number` compares; `model.measure` names another model than the chosen one.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.analysis.study_measures import RANKED, SHARE

ALIASES: Mapping[str, str] = {  # what people write -> the measure
    "r": "residual",
    "pooled": "pooled",
    "retain": "retain_acc",
    "unlearn": "unlearn_acc",
    "test": "test_acc",
    "mia": "mia_acc",
    "gap": "avg_gap",
    "relearn": "relearn_epochs",
    "jsd": "js_divergence",
    "share": SHARE,
    **{one.name: one.name for one in RANKED},
}
TEXTS = (  # fields that are text
    "state", "name", "tag", "notes", "dataset", "model", "method", "perturbation", "created", "key",
)  # fmt: skip
NUMBERS = ("forget", "draws", "seconds", "seed")  # fields that are numbers, besides measures
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
    "=": operator.eq,
}  # fmt: skip
COMPARISON = re.compile(r"(?P<field>[\w.\-]+)(?P<sign><=|>=|!=|=|<|>)(?P<value>.*)", re.DOTALL)
FIELD = re.compile(r"(?P<field>[a-z]+):(?P<value>.*)", re.DOTALL)
PART = re.compile(r'(?P<minus>-?)(?:(?P<start>[^\s"]*)"(?P<quoted>[^"]*)"?|(?P<plain>\S+))')
CLOSE = 1e-9  # relative, between numbers that count as equal


class Candidate(Protocol):
    """A study as a filter sees it."""

    @property
    def words(self) -> str:
        """All that is shown of it as text, in lower case."""

    def text(self, field: str) -> str:
        """One of `TEXTS`, in lower case; several values are separated by line breaks."""

    def number_of(self, field: str) -> float:
        """One of `NUMBERS`, a measure ('avg_gap', 'gd.avg_gap') or a setting; NaN if none."""

    def setting(self, field: str) -> str | None:
        """The value of a setting such as 'rurk.tau', None if it has no such setting."""


@dataclass(frozen=True)
class Term:
    """One condition. sign: '' for text, else one of `OPERATORS`; field: '' for any."""

    field: str
    sign: str
    value: str
    excluded: bool = False


@dataclass(frozen=True)
class StudyFilter:
    """The conditions in a line, and a hint about what in it was not understood ('' for nothing)."""

    terms: tuple[Term, ...] = ()
    hint: str = ""

    def selects(self, study: Candidate) -> bool:
        """Whether all conditions hold for this study."""
        return all(_holds(term, study) != term.excluded for term in self.terms)


def parse(line: str, settings: Sequence[str] = ()) -> StudyFilter:
    """The filter in a line of text; settings: names that can be compared, such as 'rurk.tau'.

    What is not understood is left out and explained in the hint.

    >>> parse("gap<2 tag:paper -failed").terms
    (Term(field='avg_gap', sign='<', value='2', excluded=False),\
 Term(field='tag', sign='', value='paper', excluded=False),\
 Term(field='', sign='', value='failed', excluded=True))
    >>> parse("retain>").hint
    "'retain>' lacks a number, as in retain>95."
    """
    terms: list[Term] = []
    hints: list[str] = []
    for match in PART.finditer(line):
        excluded = bool(match["minus"])
        try:
            if match["quoted"] is not None:
                terms.append(_quoted(match["start"], match["quoted"], excluded))
            else:
                terms.append(_term(match["plain"], excluded, settings))
        except ValueError as error:
            hints.append(str(error))
    return StudyFilter(tuple(terms), hints[0] if hints else "")


def _quoted(start: str, text: str, excluded: bool) -> Term:
    name = start.rstrip(":=").lower()
    field = name if name in TEXTS else ""
    return Term(field, "", (text if field else f"{start}{text}").lower(), excluded)


def _term(text: str, excluded: bool, settings: Sequence[str]) -> Term:
    compared = COMPARISON.fullmatch(text)
    if compared is not None:
        return _comparison(compared, excluded, settings)
    named = FIELD.fullmatch(text.lower())
    if named is not None and named["field"] in TEXTS:
        if not named["value"]:
            raise ValueError(f"'{text}' lacks a text, as in {named['field']}:paper.")
        return Term(named["field"], "", named["value"], excluded)
    return Term("", "", text.lower(), excluded)


def _comparison(match: re.Match[str], excluded: bool, settings: Sequence[str]) -> Term:
    text, name, sign, value = match[0], match["field"], match["sign"], match["value"]
    field = _field(name, settings)
    if field is None:
        raise ValueError(
            f"There is no '{name}' to compare. Try seed, forget, seconds, r, gap, retain, mia "
            "or a setting that differs."
        )
    if field in TEXTS or (_is_setting(field, settings) and not _is_number(value)):
        if not value or sign not in ("=", "!="):
            raise ValueError(f"'{text}' compares a text: write {name}=… or {name}:…")
        return Term(field, sign, value.lower(), excluded)
    if not _is_number(value):
        raise ValueError(f"'{text}' lacks a number, as in {name}{sign}{_example(field)}.")
    return Term(field, sign, value, excluded)


def _field(name: str, settings: Sequence[str]) -> str | None:
    """The field that a name means, None if there is none."""
    lower = name.lower()
    if lower in settings or lower in NUMBERS or lower in TEXTS:
        return lower
    model, dot, measure = lower.rpartition(".")
    if measure in ALIASES:
        return f"{model}{dot}{ALIASES[measure]}"
    ends = [one for one in settings if one.rpartition(".")[2] == lower]
    return ends[0] if len(ends) == 1 else None


def _is_setting(field: str, settings: Sequence[str]) -> bool:
    return field in settings and field not in NUMBERS


def _example(field: str) -> str:
    return {"retain_acc": "95", "seed": "131"}.get(field, "2")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _holds(term: Term, study: Candidate) -> bool:
    if not term.sign:
        return term.value in (study.text(term.field) if term.field else study.words)
    if term.field in TEXTS:
        parts = study.text(term.field).split("\n")
        return (term.value in parts) == (term.sign == "=")
    if not _is_number(term.value):
        setting = study.setting(term.field)
        return setting is not None and (setting.lower() == term.value) == (term.sign == "=")
    number, wanted = study.number_of(term.field), float(term.value)
    if math.isnan(number):
        return False
    if math.isclose(number, wanted, rel_tol=CLOSE, abs_tol=1e-12):
        return term.sign in ("=", "<=", ">=")
    return OPERATORS[term.sign](number, wanted)
