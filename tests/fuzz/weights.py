"""Files of weights bent by what they consist of: instructions, members and headers, not bytes."""

from __future__ import annotations

import functools
import io
import json
import pickle
import pickletools
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import torch
from inputs import data, plain

from engine.weight_files import safetensors

NUMBERS = (0, 1, 2, 3, 7, 255, 1 << 20, (1 << 31) - 1, -1, -(1 << 31), 1 << 40, 1 << 62, 1 << 200)
NAMES = (
    "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor_v3", "torch FloatStorage",
    "torch._utils _rebuild_tensor", "torch LongStorage", "torch.storage UntypedStorage",
    "torch ComplexFloatStorage", "torch QInt8Storage", "torch BoolStorage", "torch HalfStorage",
    "torch._utils _rebuild_parameter", "torch._utils _rebuild_sparse_tensor", "torch Size",
    "torch._utils _rebuild_qtensor", "torch._utils _rebuild_nested_tensor", "torch Tensor",
    "torch._utils _rebuild_meta_tensor_no_storage", "torch._tensor _rebuild_from_type_v2",
    "torch._utils _rebuild_wrapper_subclass", "torch float32", "torch float8_e4m3fn", "torch bool",
    "collections OrderedDict", "collections Counter", "__builtin__ set", "builtins bytearray",
    "builtins complex", "_codecs encode", "torch device", "torch.serialization _get_layout",
    "torch.nn.parameter Parameter", "os system", "numpy.core.multiarray _reconstruct", "x y",
)  # fmt: skip
PLAIN = (b"N", b"\x88", b"\x89", b")", b"]", b"}", b"\x8f", b"(", b"t", b"\x85", b"\x86", b"\x87",
         b"a", b"e", b"s", b"u", b"R", b"b", b"Q", b"\x81", b"0", b"2", b".", b"\x90")  # fmt: skip
TEXTS = (
    "", "0", "9", "storage", "cpu", "cuda:0", "weight", "2.bias", "a.b", "a" * 2000, "." * 200,
    "x_g", "x_v", "x_orig", "x_mask", "parametrizations.weight.original0", "mean", "std", "facts",
    "acc", "state_dict", "module.", "\ud800", "latin1", "utf-8", "state", "param_groups",
)  # fmt: skip
PAIRS = ([b"q\xfe", b"h\xfe", b"\x86"], [b"\x85"], [b"q\xfe", b"]", b"h\xfe", b"a"])
WILD = (b"\xff\xff\xff\xff", b"\0\0\x80\x7f", b"\xca\xf2\x49\x71", b"\0\0\0\0")  # float32
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
MOST = 2  # changes of one file


@dataclass
class File:
    """The instructions of a pickle, one by one, and the members beside it."""

    steps: list[bytes]
    data: dict[str, bytes]


def made(rng: Random) -> bytes:
    """A file of weights after some changes, in one of the three forms there are."""
    if rng.random() < 0.15:
        return _safetensors(rng)
    seed = rng.choice(_seeds())
    file = replace(seed, steps=list(seed.steps), data=dict(seed.data))
    for _ in range(rng.randint(1, MOST)):
        rng.choice(CHANGES)(rng, file)
    content = _in_old_form(rng, file) if rng.random() < 0.25 else _archived(rng, file)
    return data(rng, [content]) if rng.random() < 0.1 else content


@functools.cache
def _seeds() -> list[File]:
    return [_split(content) for content in _contents()]


def _contents() -> list[Any]:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 3))
    state = net.state_dict()
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    kinds: dict[str, Any] = {
        "half": torch.ones(3).half(), "bool": torch.tensor([True]), "rng": torch.get_rng_state(),
        "complex": torch.ones(2, dtype=torch.complex64), "meta": torch.ones(2, device="meta"),
        "sparse": torch.eye(2).to_sparse(), "f8": torch.ones(2).to(torch.float8_e4m3fn),
        "view": torch.arange(9.0)[2:8:2], "wide": torch.ones(1).expand(3), "none": torch.ones(0, 2),
        "parameter": torch.nn.Parameter(torch.ones(2)), "set": {1, 2}, "bytes": b"abc", "z": 1j,
        "long": 1 << 100, "size": torch.Size([2, 3]), "type": torch.float16,
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kinds["q"] = torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)
    pruned = {"0.weight_orig": torch.ones(8, 4), "0.weight_mask": torch.ones(8, 4)}
    scaled = {"2.weight_g": torch.ones(3, 1), "2.weight_v": torch.ones(3, 8)}
    wrapped = {"model": {f"module.{n}": v for n, v in state.items()}, "epoch": 3, "acc": 91.5}
    return [
        state, wrapped | {"optimizer": optimizer.state_dict()}, kinds, state | pruned | scaled,
        {"state_dict": state, "facts": json.dumps({"weights": "0" * 20, "model": "cr"})},
        state | {"mean": torch.zeros(4), "std": torch.ones(4)}, [state, {"ema": state}, 0.5],
    ]  # fmt: skip


def _split(content: Any) -> File:
    out = io.BytesIO()
    torch.save(content, out)
    with zipfile.ZipFile(out) as archive:
        parts = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    pickled = parts["data.pkl"]
    starts = [at for _, _, at in pickletools.genops(pickled) if at is not None]
    ends = [*starts[1:], len(pickled)]
    steps = [pickled[start:end] for start, end in zip(starts, ends, strict=True)]
    data = {name[5:]: value for name, value in parts.items() if name.startswith("data/")}
    return File(steps, data)


# -- instructions ---------------------------------------------------------------------------------


def _step(rng: Random) -> bytes:
    """Any instruction, of torch's or not."""
    number = rng.choice(NUMBERS)
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: rng.choice(PLAIN), lambda: _number(number), lambda: _text(rng.choice(TEXTS)),
        lambda: _global(rng.choice(NAMES)), lambda: b"h" + bytes([rng.randrange(40)]),
        lambda: b"q" + bytes([rng.randrange(40)]), lambda: b"G" + rng.randbytes(8),
        lambda: b"r\xff\xff\xff\x7f", lambda: b"\x95" + b"\xff" * 8, lambda: b"\x8c\x01a",
    )  # fmt: skip
    return rng.choice(ways)()


def _number(value: int) -> bytes:
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + value.to_bytes(4, "little", signed=True)
    content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(content)]) + content


def _text(value: str) -> bytes:
    content = value.encode("utf-8", "surrogatepass")
    return b"X" + len(content).to_bytes(4, "little") + content


def _global(name: str) -> bytes:
    return b"c" + name.replace(" ", "\n").encode() + b"\n"


def _place(rng: Random, file: File, starts: bytes = b"") -> int:
    """Where an instruction stands, of those that begin with one of these bytes."""
    known = [at for at, step in enumerate(file.steps) if not starts or step[:1] in _each(starts)]
    return rng.choice(known) if known else 0


def _each(starts: bytes) -> list[bytes]:
    return [bytes([one]) for one in starts]


def _remove(rng: Random, file: File) -> None:
    at = _place(rng, file)
    del file.steps[at : at + rng.choice((1, 1, 2, 10))]


def _insert(rng: Random, file: File) -> None:
    at = _place(rng, file)
    file.steps[at:at] = [_step(rng) for _ in range(rng.choice((1, 1, 2, 5)))]


def _replace(rng: Random, file: File) -> None:
    if file.steps:
        file.steps[_place(rng, file)] = _step(rng)


def _renumber(rng: Random, file: File) -> None:
    if file.steps:
        file.steps[_place(rng, file, b"KMJ")] = _number(rng.choice(NUMBERS))


def _rename(rng: Random, file: File) -> None:
    if file.steps:
        file.steps[_place(rng, file, b"c")] = _global(rng.choice(NAMES))


def _retext(rng: Random, file: File) -> None:
    if file.steps:
        file.steps[_place(rng, file, b"X")] = _text(rng.choice(TEXTS))


def _recall(rng: Random, file: File) -> None:
    """Something that was made before, in the place of what is made."""
    if file.steps:
        file.steps[_place(rng, file, b"KXN)}]")] = b"h" + bytes([rng.randrange(60)])


def _repeat(rng: Random, file: File) -> None:
    start = _place(rng, file)
    part = file.steps[start : start + rng.choice((1, 5, 30))]
    file.steps[start:start] = part * rng.choice((1, 2, 40))


def _share(rng: Random, file: File) -> None:
    """The same twice, so many times."""
    at = _place(rng, file)
    file.steps[at:at] = rng.choice(PAIRS) * rng.choice((1, 10, 60, 200))


def _copy(rng: Random, file: File) -> None:
    """A part of another file."""
    other = rng.choice(_seeds()).steps
    start = rng.randrange(len(other))
    at = _place(rng, file)
    file.steps[at:at] = other[start : start + rng.choice((5, 40))]


# -- members --------------------------------------------------------------------------------------


def _resize(rng: Random, file: File) -> None:
    if file.data:
        key = rng.choice(list(file.data))
        content = file.data[key]
        ways = (content[:-1], content + b"\0", b"", content * 3, bytes(1 << 16))
        file.data[key] = rng.choice(ways)


def _lose(rng: Random, file: File) -> None:
    if file.data:
        del file.data[rng.choice(list(file.data))]


def _add(rng: Random, file: File) -> None:
    file.data[rng.choice(("9", "../0", "", "data.pkl", "0/0", "é"))] = rng.randbytes(8)


def _values(rng: Random, file: File) -> None:
    """Wild numbers in the place of those there were."""
    if file.data:
        key = rng.choice(list(file.data))
        size = len(file.data[key])
        file.data[key] = (rng.choice(WILD) * (size // 4 + 1))[:size]


CHANGES: tuple[Callable[[Random, File], None], ...] = (
    _remove, _insert, _replace, _renumber, _renumber, _renumber, _rename, _rename, _retext, _retext,
    _recall, _repeat, _share, _copy, _resize, _lose, _add, _values, _values,
)  # fmt: skip


def _archived(rng: Random, file: File) -> bytes:
    out = io.BytesIO()
    how = rng.choice((zipfile.ZIP_STORED,) * 6 + (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    head = rng.choice(("x/",) * 9 + ("", "x/y/"))
    members = {"data.pkl": b"".join(file.steps), "version": b"3\n"}
    members |= {f"data/{key}": content for key, content in file.data.items()}
    if rng.random() < 0.1:
        members[rng.choice(("byteorder", "constants.pkl", ".format_version"))] = rng.choice(
            (b"big", b"little", b"x" * 99)
        )
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(f"{head}{name}", content)
        if rng.random() < 0.2:
            _list_otherwise(rng, archive.filelist)
    return out.getvalue()


def _list_otherwise(rng: Random, listed: list[zipfile.ZipInfo]) -> None:
    """Have the archive's list say something else of a member."""
    one, wild = rng.choice(listed), rng.choice((0, 1, 30, 1 << 16, 1 << 33, (1 << 63) - 1))
    fields = ("header_offset", "file_size", "compress_size", "flag_bits")
    name = rng.choice((*fields, "twice", "none"))
    if name == "twice":
        listed.append(one)
    elif name == "none":
        listed.clear()
    else:
        setattr(one, name, wild & 1 if name == "flag_bits" else wild)


def _in_old_form(rng: Random, file: File) -> bytes:
    heads: list[Any] = [MAGIC, PROTOCOL, {"little_endian": True}]
    if rng.random() < 0.05:
        heads[rng.randrange(3)] = rng.choice((0, None, [], MAGIC))
    content = b"".join(pickle.dumps(head, 2) for head in heads)
    content += b"".join(file.steps)  # what marks data may have a sixth part here, or none
    content += pickle.dumps(list(file.data), 2)
    for numbers in file.data.values():
        count = rng.choice((len(numbers) // 4,) * 9 + (0, 1 << 40))
        content += count.to_bytes(8, "little") + numbers
    return content


# -- safetensors ----------------------------------------------------------------------------------


def _safetensors(rng: Random) -> bytes:
    whole = safetensors.serialize(_contents()[0], {"facts": "{}"})
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    text = json.dumps(plain(rng, header)).encode()
    body = whole[8 + length :]
    return len(text).to_bytes(8, "little") + text + rng.choice((body, body, body[:-1], body + b"0"))
