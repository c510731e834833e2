"""The catalog: all available choices as plain data. Read where torch may be imported."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any

from engine import perturbations, registry
from engine.drawing import labels
from engine.errors import SpecError
from engine.fields import choices_of, field_kind, need_of
from engine.runtime.progress import Reporter

GRID = "grid"  # kind of a setting: a grid of norms, as text
REFERENCE = "retrain"  # registered as a method, but part of every study


@dataclass(frozen=True)
class Field:
    """One setting, as a form needs it. kind: 'int', 'float', 'bool', 'str' or GRID.

    label: what people call it; words: what they call its choices, where that differs; only_if: the
    other setting, and its values, with which it has an effect; expert: hardly anybody changes it.
    """

    name: str
    kind: str
    default: Any
    help: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    exclusive_low: bool = False
    choices: tuple[str, ...] = ()
    label: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    only_if: tuple[str, tuple[str, ...]] | None = None
    expert: bool = False

    @property
    def title(self) -> str:
        """What people call it; its name in plain letters if nothing better is known."""
        return self.label or self.name.replace("_", " ").capitalize()

    def word(self, choice: str) -> str:
        """What people call one of its choices."""
        return self.words.get(choice, choice)


@dataclass(frozen=True)
class CatalogItem:
    """One available choice, with its settings.

    example: of a name NAME:MEMBER that follows from this one, '' if none does; member_help: what
    the member is; alone: whether the name is a choice without one.
    """

    name: str
    label: str
    help: str = ""
    fields: tuple[Field, ...] = ()
    needs_folder: bool = False  # a dataset whose folder, or file, the user must choose
    needs_file: bool = False
    roles: tuple[str, ...] = ()  # of a table's columns that the user may name
    example: str = ""
    member_help: str = ""
    alone: bool = True


@dataclass(frozen=True)
class Catalog:
    """All available choices; methods without Re-train, which is always included."""

    datasets: tuple[CatalogItem, ...] = ()
    models: tuple[CatalogItem, ...] = ()
    methods: tuple[CatalogItem, ...] = ()
    perturbations: tuple[CatalogItem, ...] = ()

    def method(self, name: str) -> CatalogItem:
        """The method of that name; a placeholder for one that is not known yet."""
        matches = (item for item in self.methods if item.name == name)
        return next(matches, CatalogItem(name, labels.model_label(name, {})))


def label_in(items: Sequence[CatalogItem], name: str) -> str:
    """What people call the item of that name; the name if it is unknown."""
    return next((item.label for item in items if item.name == name), name)


def describe(config: Any, **changes: Any) -> tuple[Field, ...]:
    """The fields of a settings dataclass (or of an instance, whose values become the defaults)."""
    kind = config if isinstance(config, type) else type(config)
    return tuple(
        _field(kind, item, changes.get(item.name, getattr(config, item.name, item.default)))
        for item in dataclasses.fields(kind)
        if item.metadata.get("help") and item.default is not MISSING
    )


def with_defaults(fields: tuple[Field, ...], changes: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields with other defaults, such as a dataset's recommendations."""
    return tuple(
        dataclasses.replace(item, default=changes.get(item.name, item.default)) for item in fields
    )


def names_only() -> Catalog:
    """The catalog as far as it is known without any import: names serve as labels."""
    return Catalog(
        datasets=tuple(CatalogItem(name, name.capitalize()) for name in registry.names("dataset")),
        models=tuple(map(_network, registry.names("model"))),
        methods=tuple(
            CatalogItem(name, labels.model_label(name, {}))
            for name in registry.names("method")
            if name != REFERENCE
        ),
        perturbations=tuple(map(_perturbation, perturbations.names())),
    )


def read(report: Reporter) -> Catalog:
    """The whole catalog; a failing plug-in is logged and skipped. Imports torch: call in a lane."""
    methods = (item for item in _items("method", report) if item.name != REFERENCE)
    return Catalog(
        datasets=_items("dataset", report),
        models=_items("model", report),
        methods=tuple(methods),
        perturbations=_items("perturbation", report, perturbations.names()),
    )


def _items(
    kind: str, report: Reporter, names: Sequence[str] | None = None
) -> tuple[CatalogItem, ...]:
    """Every entry of this kind; names: in this order instead of alphabetically."""
    items = []
    for name in registry.names(kind) if names is None else names:
        report.check()
        try:
            entry = registry.get(kind, name)
        except SpecError as error:
            report.log(str(error))
            continue
        fields = describe(entry.config) if entry.config is not None else ()
        root, roles = entry.facts.get("root"), tuple(entry.facts.get("roles", ()))
        item = CatalogItem(name, entry.label, entry.help, fields, bool(root), root == "file", roles)
        items.append(_with_members(item, entry))
    return tuple(items)


def _with_members(item: CatalogItem, entry: registry.Registration) -> CatalogItem:
    """The item with what its entry says of the names that follow from it."""
    family = entry.facts.get("family")
    if not isinstance(family, registry.Family):
        return item
    return dataclasses.replace(
        item, example=family.example, member_help=family.help, alone=family.alone
    )


def _network(name: str) -> CatalogItem:
    """What is known of it without running third-party code."""
    entry = registry.at_hand("model", name)
    if entry is None:
        return CatalogItem(name, name.upper())
    return _with_members(CatalogItem(name, entry.label, entry.help), entry)


def _perturbation(name: str) -> CatalogItem:
    """What is known of it without running third-party code."""
    perturbation = perturbations.at_hand(name)
    return (
        CatalogItem(name, perturbation.label, perturbation.help)
        if perturbation
        else CatalogItem(name, name)
    )


def _field(config: type[Any], item: dataclasses.Field[Any], default: Any) -> Field:
    facts = item.metadata
    return Field(
        name=item.name,
        kind=field_kind(config, item.name).__name__,
        default=default,
        help=facts.get("help", ""),
        unit=facts.get("unit", ""),
        low=facts.get("low"),
        high=facts.get("high"),
        exclusive_low=bool(facts.get("exclusive_low")),
        choices=choices_of(facts),
        label=facts.get("label", ""),
        words=facts.get("words") or {},
        only_if=need_of(facts),
        expert=bool(facts.get("expert")),
    )
