"""What the palette finds beside menu commands: data, networks, methods, settings and terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from engine.drawing.glossary import terms
from explorer.control.controller import Controller
from explorer.dialogs.settings_dialog import measuring_fields, training_fields
from explorer.state.catalog import CatalogItem, Field
from explorer.views.base import View
from explorer.window.actions import COMMANDS
from explorer.window.command_palette import PaletteEntry

SYNONYMS = {  # setting -> other words for it
    "lr": "step size speed rate", "epochs": "passes iterations length duration",
    "batch": "minibatch size", "weight_decay": "regularization l2 penalty",
    "retrains": "reference models seeds number", "seed": "random reproducible",
    "taus": "epsilon eps radius norm noise strength grid", "draws": "samples copies monte carlo n",
    "perturbation": "noise attack adversarial gaussian pgd fgsm ball",
    "steps": "iterations attack", "step_size": "alpha attack", "target": "targeted untargeted",
    "schedule": "cosine decay", "augment": "augmentation crop flip", "clip": "gradient norm",
    "precision": "float bfloat16 amp speed", "adaptive": "sampling fewer draws",
    "watch_each_epoch": "live replay watch record",
}  # fmt: skip


@dataclass(frozen=True)
class PalettePlace:
    """An entry of the palette, and what choosing it does."""

    entry: PaletteEntry
    go: Callable[[], object]


def places(
    controller: Controller,
    ask_folder: Callable[[str], object],
    ask_network: Callable[[], object],
    ask_settings: Callable[[str], object],
    ask_method_settings: Callable[[str, str], object],
    show_term: Callable[[str], object],
    views: Mapping[str, View],
    go_to: Callable[[str], object],
) -> Iterator[PalettePlace]:
    """Everything that can be found by a name, beside the commands of the menus.

    ask_settings(field) and ask_method_settings(method, field) open the dialog at a setting;
    go_to(view) brings a view to the front.
    """
    yield from _data(controller, ask_folder)
    yield from _networks(controller, ask_network)
    yield from _methods(controller)
    yield from _settings(controller, ask_settings, ask_method_settings)
    yield from _offers(views, go_to)
    for term in terms():
        words = " ".join(term.also)
        yield _place(f"term:{term.name}", term.name, "Glossary", term.text, words,
                     partial(show_term, term.name))  # fmt: skip


def _data(controller: Controller, ask_folder: Callable[[str], object]) -> Iterator[PalettePlace]:
    named = {command.text.rstrip(" .").casefold() for command in COMMANDS}
    for item in controller.state.catalog.datasets:
        if f"open {item.label}".casefold() in named:
            continue
        go = partial(ask_folder, item.name) if item.needs_folder else partial(
            controller.opening.open_dataset, item.name
        )  # fmt: skip
        text = f"Open {item.label}"
        yield _place(f"data:{item.name}", text, "Dataset", item.help, _words(item, "data"), go)


def _networks(controller: Controller, ask: Callable[[], object]) -> Iterator[PalettePlace]:
    for item in controller.state.catalog.models:
        if item.example:
            text = f"Train a network such as {item.example}"
            words = _words(item, "model network architecture another")
            yield _place(f"family:{item.name}", text, "Network", item.member_help, words, ask)
        if not item.alone:
            continue
        go = partial(controller.opening.change_form, model=item.name)
        text = f"Train {item.label}"
        words = _words(item, "model network architecture")
        yield _place(f"model:{item.name}", text, "Network", item.help, words, go)


def _methods(controller: Controller) -> Iterator[PalettePlace]:
    chosen = controller.state.form.methods
    for item in controller.state.catalog.methods:
        there = item.name in chosen
        rest = tuple(name for name in chosen if name != item.name)
        methods = rest if there else (*chosen, item.name)
        go = partial(controller.opening.change_form, methods=methods)
        text = f"Leave out {item.label}" if there else f"Use {item.label}"
        words = _words(item, "unlearning method")
        yield _place(f"method:{item.name}", text, "Method", item.help, words, go)


def _settings(
    controller: Controller,
    ask: Callable[[str], object],
    ask_of_method: Callable[[str, str], object],
) -> Iterator[PalettePlace]:
    state = controller.state
    pages = {"Measuring": measuring_fields(state), "Training": training_fields(state)}
    for page, fields in pages.items():
        for field in fields:
            name = f"setting:{page}:{field.name}"
            yield _setting(name, field, f"Settings > {page}", partial(ask, f"{page}:{field.name}"))
    for method in state.form.methods:
        item = state.catalog.method(method)
        for field in item.fields:
            name = f"setting:{method}:{field.name}"
            go = partial(ask_of_method, item.label, field.name)
            yield _setting(name, field, f"Settings of methods > {item.label}", go)


def _setting(name: str, field: Field, menu: str, go: Callable[[], object]) -> PalettePlace:
    words = f"setting {field.name} {SYNONYMS.get(field.name, '')}"
    return _place(name, field.title, menu, field.help, words, go)


def _offers(views: Mapping[str, View], go_to: Callable[[str], object]) -> Iterator[PalettePlace]:
    for name, view in views.items():
        for number, offer in enumerate(view.offers()):
            go = partial(_do_in, name, go_to, offer.do)
            yield _place(f"view:{name}:{number}", offer.text, view.title, offer.tip, "", go)


def _do_in(name: str, go_to: Callable[[str], object], do: Callable[[], object]) -> None:
    go_to(name)
    do()


def _words(item: CatalogItem, kind: str) -> str:
    return f"{kind} {item.name} {item.name.replace('-', ' ')}"


def _place(
    name: str, text: str, menu: str, tip: str, words: str, go: Callable[[], object]
) -> PalettePlace:
    return PalettePlace(PaletteEntry(name, text, menu, "", tip, True, words, place=True), go)
