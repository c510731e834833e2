"""Hub folders: a classifier's config beside its weights, as timm and transformers write them.

A folder is read as data: nothing in it is run, and nothing is downloaded. Imports no torch.
`engine.external.hub_network` builds the network.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import SpecError, shown
from engine.spec import ModelSpec
from engine.storage import plain_files
from engine.storage.paths import is_file, is_folder, typed_path

if TYPE_CHECKING:
    from engine.datasets.base import Dataset

PREFIX = "hub:"
CONFIG, PROCESSOR = "config.json", "preprocessor_config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
SHARDS = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
LARGEST = 1 << 24  # bytes of a config
TIMM, TRANSFORMERS = "timm", "transformers"
CLASSIFIER = re.compile(r"\w*ForImageClassification\w*")
UNNAMED = re.compile(r"LABEL_\d+")  # classes that transformers numbers itself
DEFAULT_CLASSES = 2  # of transformers, which does not write them
RGB = 3
Plain = Mapping[str, Any]


@dataclass(frozen=True)
class HubFolder:
    """A classifier in a folder.

    library: TIMM or TRANSFORMERS; config: its content; source: the text that identifies it;
    n_classes: number of logits; classes: their names, () if unnamed; channels, size (height,
    width) in px, () if it does not state one: of its input; normalize: means/deviations of pixels
    in [0, 1], '' if it does not state them.
    """

    path: Path
    library: str
    config: Plain
    source: bytes
    n_classes: int
    classes: tuple[str, ...]
    channels: int
    size: tuple[int, ...]
    normalize: str

    @property
    def name(self) -> str:
        """The network's name in a study, which does not include where the folder lies."""
        return f"{PREFIX}{self.path.name}"


def is_hub(model: str) -> bool:
    """Whether this names a folder: hub:FOLDER."""
    return model.startswith(PREFIX)


def looks_like_hub(folder: Path) -> bool:
    """Whether a folder has the files of one, unread."""
    return is_file(folder / CONFIG) and any(is_file(folder / name) for name in (*WEIGHTS, *SHARDS))


def folder_of(model: str) -> HubFolder:
    """The folder that 'hub:FOLDER' names; SpecError if it holds no image classifier."""
    return read(typed_path(model.removeprefix(PREFIX)).absolute())


def read(path: Path) -> HubFolder:
    """The image classifier in the folder `path`; SpecError if it holds none."""
    if not is_folder(path):
        raise SpecError(
            f"There is no folder '{shown(str(path))}'. hub:FOLDER is a folder with {CONFIG} beside "
            f"{WEIGHTS[0]} or {WEIGHTS[1]}; nothing is downloaded."
        )
    source = _bytes_of(path / CONFIG)
    config = _mapping(path / CONFIG, source)
    try:
        return _of_timm(path, config, source) if "architecture" in config else _of_transformers(
            path, config, source
        )  # fmt: skip
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise SpecError(
            f"{path / CONFIG} is not a config as timm or transformers write it ({error}). Save the "
            "model again with timm's save_for_hf or transformers' save_pretrained."
        ) from error


def weights_file(path: Path) -> Path | None:
    """The file of weights in a hub folder; None if it has none. SpecError if it is in parts."""
    for name in WEIGHTS:
        if is_file(path / name):
            return path / name
    if any(is_file(path / name) for name in SHARDS):
        raise SpecError(
            f"The weights in {path} are split into several files, which is not supported. Save the "
            "model in one: save_pretrained(FOLDER, max_shard_size='100GB')."
        )
    return None


def own_weights(network: ModelSpec) -> dict[str, Path]:
    """The Original's file, by its name in a study, if the network is a hub folder with weights."""
    file = weights_file(Path(network.path)) if is_hub(network.name) else None
    return {} if file is None else {"original": file}


def weights_in(path: Path, network: ModelSpec, dataset: Dataset) -> Path:
    """The file itself, or the file of weights in a hub folder whose classifier fits.

    Raises SpecError where it was made for other images, classes or another normalization.
    """
    if not is_folder(path):
        return path
    folder = read(path)
    check(folder, dataset)
    file = weights_file(path)
    if file is None:
        raise SpecError(f"{path} contains no weights: neither {WEIGHTS[0]} nor {WEIGHTS[1]}.")
    if network.normalize and folder.normalize and network.normalize != folder.normalize:
        raise SpecError(
            f"The model in {path} normalizes its input by {folder.normalize}, but the network of "
            f"this study by {network.normalize}. Name the network by that folder: --model "
            f"{PREFIX}{path}."
        )
    return file


def check(folder: HubFolder, dataset: Dataset) -> None:
    """SpecError unless the classifier was made for samples and classes like these."""
    name, data = folder.name, dataset.spec.name
    if not dataset.is_image:
        raise SpecError(
            f"Model '{name}' needs images, but samples of '{data}' have {dataset.shape[0]} "
            "features. Use --model mlp."
        )
    _check_classes(folder, dataset)
    channels, *size = dataset.shape
    if channels != folder.channels:
        raise SpecError(
            f"Model '{name}' takes images of {_channels(folder.channels)}, but those of '{data}' "
            f"have {_channels(channels)}. Image folders are read with --channels rgb or gray."
        )
    if folder.size and tuple(size) != folder.size:
        height, width = folder.size
        side = f"Resize them with --side {height} (image folders)" if height == width else ""
        raise SpecError(
            f"Model '{name}' takes images of {height}x{width} px, but those of '{data}' are "
            f"{size[0]}x{size[1]} px. {side or 'Give images of that size'}; if it was trained on "
            f"{size[0]}x{size[1]} px, say so in its config."
        )


def _check_classes(folder: HubFolder, dataset: Dataset) -> None:
    ours = dataset.classes
    if folder.n_classes != len(ours):
        raise SpecError(
            f"Model '{folder.name}' was trained for {folder.n_classes} classes, but "
            f"'{dataset.spec.name}' has {len(ours)}. Choose the data it was trained on."
        )
    theirs, own = ([_plain_name(one) for one in names] for names in (folder.classes, ours))
    if theirs != own and sorted(theirs) == sorted(own):
        first = next(i for i, pair in enumerate(zip(theirs, own, strict=True)) if len({*pair}) > 1)
        raise SpecError(
            f"Model '{folder.name}' has the classes of '{dataset.spec.name}' in another order: "
            f"class {first} is {shown(folder.classes[first])} there but {shown(ours[first])} here. "
            "Rename the classes of the data, or put the weights of its last layer in order."
        )


def _plain_name(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name).strip().lower()


def _channels(count: int) -> str:
    return "one channel" if count == 1 else f"{count} channels"


# -- configs --------------------------------------------------------------------------------------


def _of_timm(path: Path, config: Plain, source: bytes) -> HubFolder:
    """A classifier of timm; in older configs all lies on one level."""
    own = config.get("pretrained_cfg", config)
    arguments = config.get("model_args") or {}
    names = _listed(own.get("label_names") or config.get("label_names") or own.get("labels"))
    n_classes: Any = {**own, **config, **arguments}["num_classes"]
    channels, *size = own.get("input_size") or (RGB,)
    if arguments.get("img_size"):
        size = _pair(arguments["img_size"])
    return HubFolder(
        path, TIMM, config, source, int(n_classes), names,
        int(arguments.get("in_chans", channels)), tuple(map(int, size)),
        _normalization(own.get("mean"), own.get("std"), 1.0),
    )  # fmt: skip


def _of_transformers(path: Path, config: Plain, source: bytes) -> HubFolder:
    """A classifier of transformers, whose preprocessing is in a file of its own."""
    str(config["model_type"])
    architectures = config.get("architectures") or [""]
    if architectures[0] and not CLASSIFIER.fullmatch(architectures[0]):
        raise SpecError(
            f"{path} holds a {shown(architectures[0])}, which is not an image classifier. Give one "
            "that ends in ForImageClassification."
        )
    if "quantization_config" in config:
        raise SpecError(f"The model in {path} is quantized. Give it from before quantization.")
    labels = config.get("id2label") or {}
    names = tuple(str(labels[key]) for key in sorted(labels, key=int))
    processor = _processor(path)
    size = _size_of(processor) or _pair(config.get("image_size") or ())
    scale = _scale(processor)
    return HubFolder(
        path, TRANSFORMERS, config, source,
        len(names) or int(config.get("num_labels", DEFAULT_CLASSES)),
        () if all(map(UNNAMED.fullmatch, names)) else names,
        int(config.get("num_channels", RGB)), size,
        _normalization(*_statistics(processor), scale),
    )  # fmt: skip


def _processor(path: Path) -> Plain:
    """The content of the file about preprocessing; {} if there is none."""
    file = path / PROCESSOR
    return _mapping(file, _bytes_of(file)) if is_file(file) else {}


def _statistics(processor: Plain) -> tuple[Any, Any]:
    """(means, deviations) of pixels that were rescaled; (None, None) if they are not stated."""
    if processor and not processor.get("do_normalize", True):
        return [0.0], [1.0]
    return processor.get("image_mean"), processor.get("image_std")


def _scale(processor: Plain) -> float:
    """What a pixel of value 1.0, 255 in a file, is before means are subtracted."""
    if not processor.get("do_rescale", True):
        return 255.0
    return 255.0 * float(processor.get("rescale_factor", 1 / 255))


def _size_of(processor: Plain) -> tuple[int, ...]:
    """(height, width) of images after preprocessing; () if it is not stated."""
    cropped = processor.get("do_center_crop") and processor.get("crop_size")
    size = cropped or processor.get("size") or ()
    if isinstance(size, Mapping):
        side = size.get("shortest_edge", 0)
        size = (size.get("height", side), size.get("width", side))
    return _pair(size) if size and any(_pair(size)) else ()


def _pair(size: int | Sequence[int]) -> tuple[int, ...]:
    """(height, width) of a side or of two; () of ()."""
    sides = (size, size) if isinstance(size, int) else tuple(size)
    return tuple(int(side) for side in sides[-2:])


def _normalization(means: Any, deviations: Any, scale: float) -> str:
    """The text of a normalization of pixels in [0, 1]; '' if it is not stated."""
    if means is None or deviations is None:
        return ""
    parts = [[float(value) / scale for value in values] for values in (means, deviations)]
    values = [*parts[0], *parts[1]]
    if not all(map(math.isfinite, values)) or min(parts[1]) <= 0 or len({*map(len, parts)}) > 1:
        raise ValueError("its means and deviations cannot normalize an image")
    return "/".join(",".join(f"{round(value, 9)!r}" for value in part) for part in parts)


def _listed(names: Any) -> tuple[str, ...]:
    return tuple(map(str, names)) if isinstance(names, Sequence) else ()


# -- files ----------------------------------------------------------------------------------------


def _bytes_of(path: Path) -> bytes:
    try:
        return plain_files.read_bytes(path, LARGEST)
    except (OSError, ValueError) as error:
        reason = plain_files.error_reason(error)
        raise SpecError(f"Cannot read the config {shown(str(path))}: {reason}.") from error


def _mapping(path: Path, content: bytes) -> dict[str, Any]:
    """The JSON object in a file; SpecError if it holds anything else."""
    try:
        plain = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{path} is not JSON: {error}.") from error
    if not isinstance(plain, dict):
        raise SpecError(f"{path} should contain a JSON object.")
    return plain
