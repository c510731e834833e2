"""Images of more than 8 bits: the same picture in 8 bits comes out, or the file is refused."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from engine.datasets import _depth, _images
from engine.datasets.base import Dataset, load
from engine.errors import DataError
from engine.runtime.progress import Reporter
from engine.spec import DataSpec

Save = Callable[[Path, np.ndarray], None]
LONG, SHORT = 4, 3  # types of TIFF entries
WIDTH, HEIGHT, BITS, PACKING, PHOTOMETRIC, OFFSET, SAMPLES, ROWS, BYTES, EXTRA, FORMAT = (
    256, 257, 258, 259, 262, 273, 277, 278, 279, 338, 339,
)  # fmt: skip


class Listener(Reporter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def on_log(self, message: str) -> None:
        self.lines.append(message)


def tiff(
    path: Path, data: bytes, shape: tuple[int, int], bits: int, *, kind: int = 1,
    photometric: int = 1, samples: int = 1, extra: int | None = None, order: str = "<",
) -> None:  # fmt: skip
    """An uncompressed TIFF file with these tags; kind: 1 unsigned, 2 signed, 3 float."""
    entries: list[tuple[int, int, int]] = [
        (WIDTH, LONG, shape[1]), (HEIGHT, LONG, shape[0]), (BITS, SHORT, bits),
        (PACKING, SHORT, 1), (PHOTOMETRIC, SHORT, photometric), (OFFSET, LONG, 8),
        (SAMPLES, SHORT, samples), (ROWS, LONG, shape[0]), (BYTES, LONG, len(data)),
        *([(EXTRA, SHORT, extra)] if extra is not None else []), (FORMAT, SHORT, kind),
    ]  # fmt: skip
    data += b"\0" * (len(data) % 2)
    text = struct.pack(f"{order}H", len(entries))
    for tag, code, value in entries:
        count = samples if tag == BITS and samples <= 2 else 1
        text += struct.pack(f"{order}HHI", tag, code, count)
        many = struct.pack(f"{order}HH", value, value if count == 2 else 0)
        text += many if code == SHORT else struct.pack(f"{order}I", value)
    head = b"II" if order == "<" else b"MM"
    place = struct.pack(f"{order}HI", 42, 8 + len(data))
    path.write_bytes(head + place + data + text + struct.pack(f"{order}I", 0))


def png(path: Path, values: np.ndarray, color: int) -> None:
    """A PNG of 16 bits: (H, W) gray (color 0), (H, W, 2) gray with alpha (4), (H, W, 3) RGB (2)."""
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, color, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ))  # fmt: skip


def pgm(white: int, plain: bool = False, letter: str = "") -> Save:
    """Saves a PGM whose largest possible value is `white` (or a PPM: letter '6')."""

    def save(path: Path, image: np.ndarray) -> None:
        values = np.round(image / 255 * white).astype(int)
        head = f"P{letter or (2 if plain else 5)}\n{image.shape[1]} {image.shape[0]}\n{white}\n"
        if letter == "6":
            values = np.repeat(values[:, :, None], 3, 2)
        text = " ".join(map(str, values.ravel())).encode()
        path.write_bytes(head.encode() + (text if plain else values.astype(">u2").tobytes()))

    return save


def by_pillow(scale: float, kind: str) -> Save:
    """Saves by Pillow what numpy makes of the image times `scale` in this type."""

    def save(path: Path, image: np.ndarray) -> None:
        Image.fromarray((image.astype(float) * scale).astype(kind)).save(path)

    return save


def by_hand(scale: float, dtype: str, bits: int, **tags: int) -> Save:
    """Saves a TIFF of ours of the image times `scale` in this type."""

    def save(path: Path, image: np.ndarray) -> None:
        order = ">" if dtype.startswith(">") else "<"
        data = (image.astype(float) * scale).astype(dtype).tobytes()
        tiff(path, data, (image.shape[0], image.shape[1]), bits, order=order, **tags)

    return save


def packed_12(path: Path, image: np.ndarray) -> None:
    """A TIFF of 12 bits a pixel, two pixels in three bytes."""
    values = np.round(image.ravel() / 255 * 4095).astype(int).reshape(-1, 2)
    first, second = values[:, 0], values[:, 1]
    parts = (first >> 4, (first & 15) << 4 | second >> 8, second & 255)
    data = np.stack(parts, 1).astype(np.uint8).tobytes()
    tiff(path, data, (image.shape[0], image.shape[1]), 12)


def color_16(path: Path, image: np.ndarray) -> None:
    png(path, np.repeat(image[:, :, None].astype(int) * 257, 3, 2), 2)


def alpha_16(path: Path, image: np.ndarray) -> None:
    png(path, np.stack([image.astype(int) * 257, np.full(image.shape, 65535)], 2), 4)


def inverted(path: Path, image: np.ndarray) -> None:
    by_hand(257, "<u2", 16, photometric=0)(path, 255 - image)


DEEP: dict[str, tuple[str, Save]] = {
    "PGM to 65535": (".pgm", pgm(65535)),
    "PGM to 4095": (".pgm", pgm(4095)),
    "PGM to 1023": (".pgm", pgm(1023)),
    "plain PGM to 65535": (".pgm", pgm(65535, plain=True)),
    "plain PGM to 1023": (".pnm", pgm(1023, plain=True)),
    "PPM to 65535": (".ppm", pgm(65535, letter="6")),
    "PPM to 4095": (".ppm", pgm(4095, letter="6")),
    "PNG": (".png", by_pillow(257, "uint16")),
    "PNG of 12 bits in 16": (".png", by_pillow(4095 / 255, "uint16")),
    "PNG of 10 bits in 16": (".png", by_pillow(1023 / 255, "uint16")),
    "PNG of 8 bits in 16": (".png", by_pillow(1, "uint16")),
    "PNG in color": (".png", color_16),
    "PNG with alpha": (".png", alpha_16),
    "TIFF, low byte first": (".tif", by_pillow(257, "<u2")),
    "TIFF, high byte first": (".tif", by_pillow(257, ">u2")),
    "TIFF of 12 bits in 16": (".tif", by_pillow(4095 / 255, "<u2")),
    "TIFF of 14 bits in 16": (".tiff", by_pillow(16383 / 255, "<u2")),
    "TIFF of 12 bits": (".tif", packed_12),
    "TIFF, 0 is white": (".tif", inverted),
    "TIFF of signed 16 bits": (".tif", by_hand(128, "<i2", 16, kind=2)),
    "TIFF of 32-bit integers": (".tif", by_pillow(257, "int32")),
    "TIFF of large 32-bit integers": (".tif", by_pillow(8_000_000, "int32")),
    "TIFF of unsigned 32 bits": (".tif", by_hand(16_843_009, "<u4", 32)),
    "TIFF of floats to 1": (".tif", by_pillow(1 / 255, "float32")),
    "TIFF of floats below 1": (".tif", by_pillow(0.75 / 255, "float32")),
    "TIFF of floats to 255": (".tif", by_pillow(1, "float32")),
    "TIFF of floats to 32 million": (".tif", by_pillow(123_456.7, "float32")),
}


def gradient(top: int) -> np.ndarray:
    """(8, 8) uint8 from 0 to `top`."""
    return np.round(np.linspace(0, top, 64)).astype(np.uint8).reshape(8, 8)


def folder(root: Path, suffix: str, save: Save) -> Path:
    """Two classes: training images up to white, and darker test images."""
    for part, top in (("train", 255), ("test", 120)):
        for number, name in enumerate(("cat", "dog")):
            path = root / part / name
            path.mkdir(parents=True)
            save(path / f"0{suffix}", gradient(top)[:, :: -1 if number else 1])
            save(path / f"1{suffix}", gradient(top - 20))
    return root


def read(root: Path, report: Reporter | None = None, **words: str) -> Dataset:
    return load(DataSpec("folder", str(root), **words), report)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(DEEP.keys() - {"TIFF of floats below 1"}))
def test_deep_images_look_like_the_same_in_8_bits(name: str, tmp_path: Path) -> None:
    suffix, save = DEEP[name]
    deep = read(folder(tmp_path / "deep", suffix, save))
    plain = read(folder(tmp_path / "plain", ".png", by_pillow(1, "uint8")))
    for ours, theirs in ((deep.train_x, plain.train_x), (deep.test_x, plain.test_x)):
        assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("TIFF of 12 bits in 16",
         "8 images of 16 bits use no more than 12 of them in the data set: white is 4095."),
        ("TIFF of 32-bit integers",
         "8 images of 32-bit integers state no range: white is 65535, the largest value in the "
         "data set."),
        ("TIFF of floats to 1",
         "8 images of floats state no range: white is 1, the largest value in the data set."),
        ("TIFF of floats below 1",
         "8 images of floats state no range: white is 1, for values up to 0.75 in the data set."),
    ],
)  # fmt: skip
def test_a_range_that_no_file_says_is_told(name: str, sentence: str, tmp_path: Path) -> None:
    listener = Listener()
    read(folder(tmp_path, *DEEP[name]), listener)
    assert sentence in listener.lines


@pytest.mark.parametrize("name", ["PNG", "PGM to 1023", "TIFF of 12 bits", "PNG in color"])
def test_a_range_that_files_say_needs_no_word(name: str, tmp_path: Path) -> None:
    listener = Listener()
    read(folder(tmp_path, *DEEP[name]), listener)
    assert not listener.lines


def test_16_bits_that_are_used_are_cut_to_their_high_byte(tmp_path: Path) -> None:
    values = np.arange(0, 65536, 1024, dtype=np.uint16).reshape(8, 8) + 255
    Image.fromarray(values).save(tmp_path / "x.png")
    assert (_images.decode(tmp_path / "x.png", 8) == values >> 8).all()


def test_images_of_8_bits_beside_deep_ones_stay_as_they_are(tmp_path: Path) -> None:
    folder(tmp_path, ".tif", by_pillow(1000, "float32"))
    by_pillow(1, "uint8")(tmp_path / "train" / "cat" / "2.png", gradient(77))
    data = read(tmp_path)
    assert data.train_x[2].max() == 77 and data.train_x[0].max() == 255


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-1.0, "contains negative pixels"),
        (np.nan, "contains NaN or infinite pixels"),
        (np.inf, "contains NaN or infinite pixels"),
    ],
)
def test_values_without_a_meaning_are_refused_by_the_files_name(
    value: float, words: str, tmp_path: Path
) -> None:
    folder(tmp_path, ".tif", by_pillow(1, "float32"))
    wrong = gradient(200).astype(np.float32)
    wrong[3, 3] = value
    path = tmp_path / "test" / "dog" / "1.tif"
    Image.fromarray(wrong).save(path)
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert f"The image {path} {words}" in str(caught.value)


def test_negative_whole_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    by_hand(1, "<i2", 16, kind=2)(path, gradient(200).astype(int) - 100)
    with pytest.raises(DataError, match=r"x\.tif contains negative pixels"):
        _images.decode(path, 8)


def test_colors_of_12_bits_in_16_are_refused_rather_than_read_black(tmp_path: Path) -> None:
    def save(path: Path, image: np.ndarray) -> None:
        png(path, np.repeat(image[:, :, None].astype(int) * 16, 3, 2), 2)

    folder(tmp_path, ".png", save)
    with pytest.raises(DataError, match=r"0\.png has 16 bits per channel, but no color image of"):
        read(tmp_path)


def test_premultiplied_gray_is_read(tmp_path: Path) -> None:
    pixels = np.stack([gradient(255), np.full((8, 8), 255, np.uint8)], 2)
    tiff(tmp_path / "x.tif", pixels.tobytes(), (8, 8), 8, samples=2, extra=1)
    try:
        Image.open(tmp_path / "x.tif").close()
    except UnidentifiedImageError:
        pytest.skip("this version of Pillow knows no such TIFF")
    assert (_images.decode(tmp_path / "x.tif", 8) == gradient(255)).all()


def test_a_color_mode_that_is_not_read_is_named(tmp_path: Path) -> None:
    Image.new("LAB", (8, 8)).save(tmp_path / "x.tif")
    with pytest.raises(DataError, match=r"x\.tif has the unsupported color mode LAB"):
        _images.decode(tmp_path / "x.tif", 8)


@pytest.mark.parametrize("suffix", [".gif", ".tif", ".webp", ".png"])
def test_frames_that_are_left_out_are_counted(suffix: str, tmp_path: Path) -> None:
    listener = Listener()
    folder(tmp_path, ".png", by_pillow(1, "uint8"))
    frames = [Image.fromarray(gradient(top)).convert("RGB") for top in (200, 100, 50)]
    path = tmp_path / "train" / "cat" / f"2{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    data = read(tmp_path, listener)
    assert listener.lines == ["1 image has several frames or pages: only the first is read."]
    assert data.train_x[2].max() > 180


def test_gray_folders_keep_one_channel_if_asked(tmp_path: Path) -> None:
    folder(tmp_path, ".png", by_pillow(1, "uint8"))
    color, gray = read(tmp_path), read(tmp_path, channels="gray")
    assert color.shape == (3, 8, 8) and gray.shape == (1, 8, 8)
    assert (gray.train_x[:, 0] == color.train_x[:, 1]).all()
    assert gray.spec.fingerprint != color.spec.fingerprint


def test_colors_become_gray_by_their_luminance(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (255, 0, 0)).save(tmp_path / "x.png")
    assert np.unique(_images.decode(tmp_path / "x.png", 8, "gray")).tolist() == [76]  # 0.299 red


@pytest.mark.parametrize(
    ("largest", "white"),
    [
        (0.2, 0.2), (0.75, 1), (1, 1), (100, 100), (200, 255), (245 * 257, 65535), (30_000, 30_000),
        (70_000, 70_000), (4_000, 4_095),
    ],
)  # fmt: skip
def test_dark_pictures_of_a_usual_scale_stay_as_dark_as_they_are(
    largest: float, white: float
) -> None:
    for kind in (_depth.INTEGER, _depth.FLOAT):
        assert _depth.white_values(
            [_depth.ImageFacts(kind, largest), _depth.ImageFacts(kind, largest / 3)]
        ) == {kind: white}
