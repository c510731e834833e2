"""Every parser of what a person or a stranger hands in, as a function of one made-up input."""

from __future__ import annotations

import contextlib
import functools
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import special
import weights
import windows
from harm import harmed
from inputs import data, json_text, text
from scene import scene
from torch import nn

from engine import registry
from engine.analysis import filters
from engine.analysis.sample_table import SampleTable
from engine.cli.parser import parser as engine_parser
from engine.datasets import _images as images
from engine.errors import EngineError
from engine.external import network
from engine.external.weights import match_file, named_files
from engine.forget_sets.forget_set import parse_forget, read_indices
from engine.forget_sets.indices import parse_indices
from engine.models.base import Classifier
from engine.paper import presets
from engine.pipeline import bundle
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import amend, parse_taus
from engine.storage.store import Store
from engine.study import compose
from engine.sweeps import sweep
from engine.tables import study_text
from engine.tables.csv import csv_text, samples_sheet
from engine.training import checkpoints
from explorer import __main__ as window
from explorer.state import forget_sets, recent_files, session, settings
from explorer.state.app_state import AppState
from explorer.widgets import drop

LABELS = np.repeat(np.arange(3), 20)
CLASSES = ("cat", "class:8", "0.5")


@dataclass(frozen=True)
class Target:
    """A parser. make: an input from a random source; run: parse it; raises EngineError kinds.

    text: whether inputs without any seed may be tried on it too; slow: whether one takes
    milliseconds; lenient: whether wrong inputs are passed over rather than refused.
    """

    name: str
    make: Callable[[Random], Any]
    run: Callable[[Any], object]
    text: bool = False
    slow: bool = False
    lenient: bool = False


# -- text that people write -------------------------------------------------------------------
def _of_text(name: str, run: Callable[[str], object], seeds: Sequence[str]) -> Target:
    lenient = name in ("dropped", "rk-engine")  # a sentence; argparse's own words
    return Target(name, functools.partial(text, seeds=seeds), run, text=True, lenient=lenient)


def _indices(words: str) -> None:
    found = parse_indices(words, 60)
    assert len(set(found)) == len(found) and all(0 <= one < 60 for one in found)


def _forget(words: str) -> None:
    kind, _, rest = words.strip().partition(":")
    if kind == "indices":  # of files there is a parser of its own; a path must not name a device
        words = f"indices:{scene().folder}/{rest[:50]}"
    found = parse_forget(words, LABELS, CLASSES, 1)
    assert found and min(found) >= 0 and max(found) < 60


def _taus(words: str) -> None:
    found = parse_taus(words)
    assert list(found) == sorted(found) and found[0] >= 0 and len(found) <= 1000


def _sets(words: str) -> None:
    for point in sweep.grid(words.split("\x1f"))[:20]:
        for owner, changes in point.settings.items():
            if owner in registry.names("method"):
                config = registry.get("method", owner).config
                assert config is not None
                amend(config(), changes, f"{owner}.")


def _filters(words: str) -> None:
    condition = filters.parse(words)
    assert filters.parse(str(condition)) == condition
    filters.words(condition, {"gd": "GD"}, CLASSES)
    filters.matching([condition], _evidence())


@functools.cache
def _evidence() -> SampleTable:
    one = scene()
    dataset = one.pipeline.dataset(one.spec.data, Reporter())
    known = SampleTable(dataset.labels, len(dataset.train_y))
    known.learn_models(one.pipeline.models(one.spec))
    known.residual = one.study.residual
    return known


def _network(words: str) -> None:
    model, _, normalize = words.partition("\x1f")
    network.model_spec(
        str(scene().folder / "no" / model[:50]) if ":" in model else model, normalize
    )


def _set_name(words: str) -> None:
    name = forget_sets.checked_name(words)
    assert name.isprintable() and 1 <= len(name) <= forget_sets.LONGEST_NAME


def _preset(words: str) -> None:
    presets.parsed(words, "made-up", quick=True)


# -- command lines ----------------------------------------------------------------------------
def _arguments(words: str) -> list[str]:
    return words.split("\x1f")


def _engine_line(words: str) -> None:
    options = _exits(lambda: engine_parser().parse_args(_arguments(words)))
    if hasattr(options, "unlearned"):
        named_files(options.original, options.retrain, options.unlearned)


def _window_line(words: str) -> None:
    _exits(lambda: window.parse(_arguments(words)))


def _exits(parse: Callable[[], Any]) -> Any:
    """What argparse gives; it may also say its usage and leave with 0 or 2."""
    try:
        return parse()
    except SystemExit as error:
        if error.code not in (0, 2):
            raise ValueError(f"exit status {error.code}") from error
        return None


# -- files ------------------------------------------------------------------------------------
def _session(words: str) -> None:
    found = session.parse(words)
    assert session.parse(session.as_text(found)) == found


def _settings(words: str) -> None:
    path = scene().write(words.encode("utf-8", "surrogatepass"))
    kept = settings.load(path)
    found = settings.session_of(kept)
    session.as_text(found)
    forget_sets.read(kept.forget_sets)
    settings.record_session(kept, AppState())
    for entry in recent_files.Recents(path).entries():
        assert entry.name


def _index_file(content: bytes) -> None:
    assert all(one >= 0 for one in read_indices(scene().write(content)))


def _spec(words: str) -> None:
    found = compose.from_plain(_loaded(words))
    compose.study_key(found)


def _loaded(words: str) -> Any:
    try:
        return json.loads(words)
    except (ValueError, RecursionError):
        raise EngineError("no JSON: not what is tried here") from None


def _checkpoint(content: bytes) -> None:
    checkpoints.load(scene().write(content))


def _weights(content: bytes) -> None:
    path = scene().write(content)
    with contextlib.suppress(EngineError):
        checkpoints.load(path)
    match_file(path, _blank(), "net", "data")


@functools.cache
def _blank() -> Classifier:
    layers = OrderedDict([("0", nn.Linear(4, 8)), ("1", nn.BatchNorm1d(8)), ("2", nn.Linear(8, 3))])
    return Classifier(nn.Sequential(layers), "2", [0.0] * 4, [1.0] * 4, image=False).eval()


def _image(content: bytes) -> None:
    path = scene().write(content)
    images.size_of(path)
    assert images.decode(path, 8).shape == (3, 8, 8)


def _dropped(words: str) -> None:
    path = Path(words.replace("\0", "")[:200])
    assert drop.offer_for([path]).sentence


# -- bundles and results ----------------------------------------------------------------------
def _bundle(content: bytes) -> None:
    _use(_opened(content))


def _opened(content: bytes) -> Pipeline:
    store = scene().fresh_store()
    path = scene().write(content)
    before = bundle.open_bundle(store, path, Reporter())
    assert before.key in store.imported.keys("studies")
    return Pipeline(store, "cpu")


def _use(other: Pipeline) -> None:
    """Do with the studies of a store what reading them means."""
    for one in other.studies():
        found = other.study(one.key)
        study_text.study_table(found)
        study_text.study_json(found)
        spec = other.spec_of(found)
        model = next(iter(found.residual.curves))
        header, rows = samples_sheet(found, model, [0] * len(found.forget))
        csv_text(header, rows)
        other.provenance(one.key)
        other.models(spec)
        if spec.data == scene().spec.data and spec.model == scene().spec.model:
            other.neighborhood(spec, 3, "", -1, Reporter())


def _made_bundle(rng: Random) -> bytes:
    one = scene()
    path = one.write(one.bundle)
    harmed(rng, path)
    return path.read_bytes()


def _made_store(rng: Random) -> dict[str, bytes]:
    """All files of the store, the first of them harmed."""
    files = dict(scene().files)
    chosen = rng.choice([name for name in files if name.endswith(".h5")])
    path = scene().write(files.pop(chosen))
    if rng.random() < 0.2:
        path.write_bytes(data(rng, [path.read_bytes()]))
    else:
        harmed(rng, path)
    return {chosen: path.read_bytes(), **files}


def _store(files: Mapping[str, bytes]) -> None:
    store = scene().fresh_store()
    for name, content in files.items():
        target = store.root / name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
    _use(Pipeline(Store(store.root), "cpu"))


def _session_seeds() -> list[Any]:
    return [session.as_plain(session.Session(forget=(1, 2))), _full_session()]


def _full_session() -> Any:
    plain = session.as_plain(session.Session(forget=(1, 2)))
    plain["form"] |= {
        "methods": ["rurk", "gd"],
        "settings": {"rurk": {"tau": 0.1}},
        "forget": "class:1",
    }
    plain["form"]["grid"] = {"study.seed": [1, 2], "rurk.tau": [0.1, 0.2]}
    plain["look"] = {
        "theme": "dark",
        "geometry": "AAAA",
        "layout": "",
        "views": {"curves": {"tab": 1}},
    }
    return plain | {"sets": {"mine": [1, 2]}, "current": 3, "chosen": [3, 4]}


def _json(seeds: Callable[[], list[Any]]) -> Callable[[Random], str]:
    return lambda rng: json_text(rng, seeds())


def _settings_seeds() -> list[Any]:
    entry = {"kind": "session", "place": "/a/b.json", "title": "x"}
    kept = {"schema": settings.SCHEMA, "theme": "dark", "session": _full_session()}
    return [{**kept, "forget_sets": {"abc": {"mine": [1, 2]}}}, [entry, entry]]


def _files(seeds: Callable[[], list[bytes]]) -> Callable[[Random], bytes]:
    return lambda rng: data(rng, seeds())


@functools.cache
def _checkpoint_seeds() -> list[bytes]:
    found = sorted((scene().pipeline.store.root / "checkpoints").glob("*.pt"))
    return [found[0].read_bytes()]


@functools.cache
def _image_seeds() -> list[bytes]:
    import io

    from PIL import Image

    found = []
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
        out = io.BytesIO()
        Image.new("RGB", (12, 9), (200, 30, 30)).save(out, kind)
        found.append(out.getvalue())
    deep = (("I;16", "PNG"), ("I;16", "TIFF"), ("I", "TIFF"), ("F", "TIFF"), ("I", "PPM"))
    for mode, kind in deep:
        out = io.BytesIO()
        Image.new(mode, (12, 9), 3000).save(out, kind)
        found.append(out.getvalue())
    return found


@functools.cache
def _preset_seeds() -> list[str]:
    from importlib.resources import files

    folder = files("assets") / "paper" / "presets"
    return [
        one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".toml")
    ]


FORGET_SEEDS = (
    "class:1", "class:cat:0.5", "class:class:8:3", "class:2:50%", "random:10", "random:10%",
    "indices:x.csv",
)  # fmt: skip
RUN_LINE = "\x1f".join(
    ["run", "--dataset", "iris", "--set", "rurk.tau=0.1", "--retrains", "2", "--seed", "7",
     "--unlearned", "theirs=x.pt", "--original", "o.pt", "--draws", "10", "--json", "a.json"]
)  # fmt: skip
ENGINE_LINES = (
    RUN_LINE, "figure\x1fabc\x1f--kind\x1fcurves\x1f--out\x1fx.png\x1f--tau\x1f0.1", "ls",
    "reproduce\x1fdigits\x1f--seeds\x1f1,2", "samples\x1fabc\x1f--model\x1fgd", "--version",
)  # fmt: skip
WINDOW_LINES = (
    "--dataset\x1firis\x1f--seed\x1f7\x1f--size\x1f1440x900", "--theme\x1fdark\x1f--demo",
    "--device\x1fcuda:1\x1f--screenshot\x1fx.png",
)  # fmt: skip
FILTER_SEEDS = (
    "ga predicts 1", "original right", "ga differs retrain-0", "ga confidence < 0.5",
    "any r > 1.5", "any verdict residual", "ga tau < 0.1", "all disagree", "ga loss > 1",
    "any undefined",
)  # fmt: skip
SET_SEEDS = ("rurk.tau=0.1", "train.epochs=50", "rurk.tau=0.01,0.03,0.1\x1fgd.epochs=1,2",
             "probe.taus=0:0.4:11", "train.schedule=constant,cosine")  # fmt: skip
CSV_SEEDS = (b"index,label,class\n3,1,cat\n17,0,dog\n", b"3\n17\n# more\n40\n", b'"index"\n"3"\n',
             "\ufeffindex\n5\n".encode())  # fmt: skip

TARGETS = (
    Target("session", _json(_session_seeds), _session, text=True),
    Target("layout", windows.made, windows.lay_out, slow=True),
    Target("settings", _json(_settings_seeds), _settings, text=True, lenient=True),
    _of_text("indices", _indices, ("3, 17, 40-50", "0-59", "1;2 3", "5\u20138")),
    Target("index-file", _files(lambda: list(CSV_SEEDS)), _index_file),
    _of_text("forget", _forget, FORGET_SEEDS),
    _of_text("taus", _taus, ("0:0.4:11", "0,0.01,0.03", "0:0:1", "0")),
    _of_text("set", _sets, SET_SEEDS),
    Target("preset", lambda rng: text(rng, _preset_seeds()), _preset, text=True),
    _of_text("filters", _filters, FILTER_SEEDS),
    _of_text(
        "network", _network, ("mlp\x1f0.5,0.5/0.2,0.3", "cnn\x1fnone", "net.py:make\x1fdataset")
    ),
    _of_text("set-name", _set_name, ("mine", "The worst ten")),
    _of_text("rk-engine", _engine_line, ENGINE_LINES),
    _of_text("rk-explorer", _window_line, WINDOW_LINES),
    _of_text("dropped", _dropped, ("a/session.json", "b.rkx", "folder", "x.csv", "net.pt")),
    Target("spec", _json(lambda: [compose.as_plain(scene().spec)]), _spec, text=True),
    Target("checkpoint", _files(_checkpoint_seeds), _checkpoint, slow=True),
    Target("weights", weights.made, _weights, slow=True),
    Target("image", _files(_image_seeds), _image, slow=True),
    Target("formats", _files(special.every_kind), special.decode, slow=True),
    Target("special", special.made, special.read, slow=True),
    Target("bundle-bytes", _files(lambda: [scene().bundle]), _bundle, slow=True),
    Target("bundle", _made_bundle, _bundle, slow=True),
    Target("store", _made_store, _store, slow=True, lenient=True),
)
