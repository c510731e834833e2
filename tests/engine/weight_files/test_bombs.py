"""Small files of weights that would take all memory, or for ever, were they believed.

Each is read by a child process with little memory, which is ended where it does not answer.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from archives import Call, Data, archived, in_old_form, pickled, view
from patience import PATIENCE

from engine.errors import CheckpointError
from engine.storage.store import Store
from engine.training import checkpoints

MEMORY = 1 << 29  # bytes beyond what the child uses when it starts to read
HUGE = 1 << 30
CHILD = """
import json, resource, sys
from collections import OrderedDict
from pathlib import Path
from torch import nn
from engine.training import checkpoints
from engine.errors import EngineError
from engine.external.weights import match_file
from engine.models.base import Classifier

def classifier():
    parts = OrderedDict(body=nn.Linear(4, 6), norm=nn.BatchNorm1d(6), head=nn.Linear(6, 3))
    return Classifier(nn.Sequential(parts), "head", [0.0] * 4, [1.0] * 4, image=False).eval()

def answer(path):
    try:
        content = checkpoints.read(path)
        state = match_file(path, classifier(), "net", "data").state
        return "content", state["net.head.bias"].tolist()
    except EngineError as error:
        return "refused", str(error)
    except BaseException as error:
        return "raised", type(error).__name__ + ": " + str(error)[:300]

taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + int(sys.argv[1]),) * 2)
print(json.dumps(["ready", ""]), flush=True)
for line in sys.stdin:
    print(json.dumps(answer(Path(json.loads(line)))), flush=True)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="needs /proc")


class Reader:
    """A process that reads files and reports the outcome; restarted if it ends."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None

    def read(self, path: Path) -> list[Any]:
        """['content', biases], ['refused', message], or an outcome that must not occur."""
        child = self._child or self._start()
        assert child.stdin is not None
        child.stdin.write(json.dumps(str(path)) + "\n")
        child.stdin.flush()
        return self._line(child)

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", CHILD, str(MEMORY)]
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._line(self._child)[0] == "ready"
        return self._child

    def _line(self, child: subprocess.Popen[str]) -> list[Any]:
        assert child.stdout is not None
        there, _, _ = select.select([child.stdout], [], [], PATIENCE)
        line = child.stdout.readline() if there else ""
        if line:
            return list(json.loads(line))
        self.close()
        return ["ended" if there else "never answered", ""]


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    one = Reader()
    yield one
    one.close()


def state(data: Data | None = None, **more: Any) -> dict[str, Any]:
    """A state dict of the network that the child expects, with additional entries."""
    one = data or Data(100)
    shapes = {"body.weight": (6, 4), "body.bias": (6,), "norm.weight": (6,), "norm.bias": (6,),
              "norm.running_mean": (6,), "norm.running_var": (6,), "head.weight": (3, 6),
              "head.bias": (3,)}  # fmt: skip
    strides = {1: (1,), 2: (4, 1)}
    found: dict[str, Any] = {
        name: view(one, size, (6, 1) if name == "head.weight" else strides[len(size)])
        for name, size in shapes.items()
    }
    return found | more


NUMBERS = torch.full((100,), 0.5).numpy().tobytes()


def many(levels: int) -> Any:
    found: Any = [0]
    for _ in range(levels):
        found = [found, found]
    return found


def endless() -> Any:
    found: list[Any] = []
    found.append(found)
    return found


def nested_key() -> bytes:
    """A dict whose key is a tuple of the same tuple twice, nested sixty times."""
    return b"\x80\x02})" + b"q\x00h\x00\x86" * 60 + b"K\x01s."


def copied(function: str, argument: bytes, times: int) -> bytes:
    """A pickle that calls a function many times on the same argument."""
    module, name = function.rsplit(".", 1)
    call = f"c{module}\n{name}\n".encode() + b"h\x00\x85R"
    return b"\x80\x02(" + argument + b"q\x00" + call * times + b"t."


def long_list(count: int) -> bytes:
    return b"](" + b"K\x01" * count + b"e"


def text(count: int) -> bytes:
    return b"X" + count.to_bytes(4, "little") + b"a" * count


def rare(function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    return state(**{"head.weight": Call(function, *arguments)})


def quantized() -> dict[str, Any]:
    scheme = (torch.per_tensor_affine, 0.1, 0)
    data = Data(18, "1", torch.QInt8Storage)
    return rare(torch._utils._rebuild_qtensor, data, 0, (1 << 40,), (0,), scheme, False, {})


def with_index(count: int) -> Call:
    return view(Data(count, "1", torch.LongStorage), (count,), (1,))


VALUES: dict[str, tuple[Callable[[], Any], str]] = {
    "shared lists": (lambda: state(x=many(60)), "nested too deeply, or too many"),
    "shared lists, 2^40": (lambda: state(x=many(40)), "nested too deeply, or too many"),
    "a list in itself": (lambda: state(x=endless()), "nested too deeply"),
    "a key of shared tuples": (nested_key, "checkpoint of weights (alone|only)"),
    "a stride of 0": (
        lambda: state(x=view(Data(100, "2", torch.HalfStorage), (HUGE,), (0,))),
        "its tensor x .* repeats the same few",
    ),
    "a stride of 0 for a weight": (
        lambda: state(**{"head.bias": view(Data(100), (HUGE,), (0,))}), "head.bias .* repeats",
    ),
    "overlapping rows": (
        lambda: state(x=view(Data(100), (1 << 20, 50), (0, 1))), "tensor x of 1048576x50 repeats",
    ),
    "rows that shift by one": (
        lambda: state(x=view(Data(100), (50, 50, 50, 50), (1, 0, 1, 0))), "tensor x .* repeats",
    ),
    "more than it has": (
        lambda: state(x=view(Data(100), (101,), (1,))), "tensor x of 101 reaches beyond its data",
    ),
    "behind its end": (
        lambda: state(x=view(Data(100), (1,), (1,), 1 << 40)), "reaches beyond its data",
    ),
    "data of a size it has not": (
        lambda: state(Data(HUGE)), r"data 0 should have 4,294,967,296 bytes, but have 400",
    ),
    "less data than it has": (lambda: state(Data(50)), "should have 200 bytes, but have 400"),
    "data that are not there": (
        lambda: state(x=view(Data(8, "9"), (8,), (1,))), "data 9 should have 32 bytes, but have 0",
    ),
    "data of two types": (
        lambda: state(x=view(Data(100, "0", torch.IntStorage), (1,), (1,))),
        "data 0 have two types or sizes",
    ),
    "a negative side": (
        lambda: state(x=view(Data(100), (-1,), (1,))), "checkpoint of weights (alone|only)",
    ),
    "no numbers in a huge shape": (
        lambda: state(x=view(Data(100), (0, 1 << 40, 1 << 40), (1, 1, 1))), "has the shape 0x",
    ),
    "the same weights very often": (
        lambda: [{"w": view(Data(1 << 18, "1"), (1 << 18,), (1,))} for _ in range(90)],
        "its tensors together are far larger than the file",
    ),
    "very many tensors": (lambda: [state()["head.bias"]] * 20_001, "more than 20,000 tensors"),
    "a bytearray": (lambda: Call(bytearray, 1 << 40), "or is damaged"),
    "a storage": (lambda: Call(torch.UntypedStorage, 1 << 40), "or is damaged"),
    "a tensor without data": (lambda: Call(torch.Tensor, 1 << 40), "or is damaged"),
    "copies of a list": (
        lambda: copied("__builtin__.set", long_list(1_000_000), 10_000), "more than 3,000,000",
    ),
    "copies of a text": (
        lambda: copied("_codecs.encode", text(1_000_000), 100_000), "more than 3,000,000",
    ),
    "copies of a shape": (
        lambda: copied("torch.Size", long_list(1_000_000), 10_000), "or is damaged",
    ),
    "a name of many parts": (
        lambda: state(**{"a." * 5000: view(Data(100), (1,), (1,))}), "name of a tensor .* too long",
    ),
    "a long name": (
        lambda: state(**{"parametrizations." * 50_000: view(Data(100), (1,), (1,))}),
        "name of a tensor in it is too long",
    ),
    "a module of old files": (lambda: Call(torch.nn.Linear, 1 << 20, 1 << 20), "more than weights"),
}  # fmt: skip
RARE: dict[str, tuple[Callable[[], Any], str]] = {
    "quantized": (quantized, "quantized"),
    "sparse": (
        lambda: rare(torch._utils._rebuild_sparse_tensor, torch.sparse_coo,
                     (with_index(100), state()["head.bias"], (1 << 40,))), "sparse",
    ),
    "rows of a sparse one": (
        lambda: rare(torch._utils._rebuild_sparse_tensor, torch.sparse_csr,
                     (with_index(100), with_index(100), state()["head.bias"], (1 << 40, 9))),
        "sparse",
    ),
    "nested": (
        lambda: rare(torch._utils._rebuild_nested_tensor, state()["head.bias"], with_index(100),
                     with_index(100), with_index(100)), "nested",
    ),
    "without values": (
        lambda: rare(torch._utils._rebuild_meta_tensor_no_storage, torch.float32, (1 << 40,),
                     (1,), False), "without values",
    ),
    "of a custom class": (
        lambda: rare(torch._utils._rebuild_wrapper_subclass, torch.Tensor, torch.float32,
                     (1 << 40,), (1,), 0, torch.strided, torch.device("cpu"), False),
        "of a custom class",
    ),
    "complex": (
        lambda: state(**{"head.bias": view(Data(3, "1", torch.ComplexFloatStorage), (3,), (1,))}),
        "complex",
    ),
    "float8": (
        lambda: state(**{"head.bias": Call(
            torch._utils._rebuild_tensor_v3, Data(3, "1", torch.UntypedStorage), 0, (3,), (1,),
            False, {}, torch.float8_e4m3fn)}), "of type float8_e4m3fn",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", VALUES)
def test_a_file_that_describes_more_than_it_holds_is_refused(
    tmp_path: Path, reader: Reader, kind: str
) -> None:
    make, says = VALUES[kind]
    data = {"0": NUMBERS, "1": bytes(1 << 20), "2": bytes(200)}
    path = archived(tmp_path / "w.pt", make(), data)
    _refused(reader.read(path), path, says)


@pytest.mark.parametrize("kind", RARE)
def test_unsupported_tensors_are_named_and_never_created(
    tmp_path: Path, reader: Reader, kind: str
) -> None:
    make, says = RARE[kind]
    path = tmp_path / "w.pt"
    archived(path, make(), {"0": NUMBERS, "1": bytes(24 if kind == "complex" else 3)})
    _refused(reader.read(path), path, f"contains tensors that are {says}, such as head")
    with pytest.raises(CheckpointError, match=f"tensors that are {says}, such as head"):
        checkpoints.load(path)
    beside = {"model": state(), "other": make()}
    content = checkpoints.read(archived(path, beside, {"0": NUMBERS}))
    assert content["model"]["head.bias"].tolist() == [0.5] * 3


OLD: dict[str, tuple[Callable[[], Any], tuple[int, bytes], str]] = {
    "a stride of 0": (
        lambda: state(x=view(Data(100), (HUGE,), (0,))), (100, NUMBERS), "tensor x .* repeats",
    ),
    "more than it has": (
        lambda: state(x=view(Data(100), (101,), (1,))), (100, NUMBERS), "reaches beyond its data",
    ),
    "data of a size it has not": (lambda: state(Data(HUGE)), (HUGE, NUMBERS), "but have fewer"),
    "two sizes": (lambda: state(), (HUGE, NUMBERS), "or is damaged"),
    "cut short": (lambda: state(), (100, NUMBERS[:-1]), "but have fewer"),
    "a part outside": (
        lambda: state(x=view(Data(100, part=("p", 50, 51)), (1,), (1,))), (100, NUMBERS),
        "a part of its data 0 lies outside",
    ),
    "shared lists": (lambda: state(x=many(60)), (100, NUMBERS), "nested too deeply"),
    "a key of shared tuples": (nested_key, (100, NUMBERS), "checkpoint of weights (alone|only)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", OLD)
def test_the_form_before_torch_1_6_is_checked_too(
    tmp_path: Path, reader: Reader, kind: str
) -> None:
    make, numbers, says = OLD[kind]
    path = in_old_form(tmp_path / "w.pt", make(), {"0": numbers})
    _refused(reader.read(path), path, says)


def test_valid_files_of_this_kind_are_read(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "w.pt"
    biases = [0.5] * 3
    assert reader.read(archived(path, state(), {"0": NUMBERS})) == ["content", biases]
    assert reader.read(archived(path, state(), {"0": NUMBERS}, packed=True)) == ["content", biases]
    old = in_old_form(path, state(), {"0": (100, NUMBERS)})
    assert reader.read(old) == ["content", biases]
    part = state(Data(100, part=("p", 50, 40)))
    assert reader.read(in_old_form(path, part, {"0": (100, NUMBERS)})) == ["content", biases]
    wide = state(**{"head.bias": view(Data(100), (3,), (0,))})  # as a mean per channel may be
    assert reader.read(archived(path, wide, {"0": NUMBERS})) == ["content", biases]


# -- archives -------------------------------------------------------------------------------------


def _zeros(path: Path, name: str, size: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open(name, "w", force_zip64=True) as file:
            for _ in range(size >> 20):
                file.write(bytes(1 << 20))
        if not name.endswith("data.pkl"):
            archive.writestr("x/data.pkl", pickled(state(Data(size // 4))))


def _packed_numbers(path: Path) -> None:
    _zeros(path, "x/data/0", 700 << 20)


def _packed_values(path: Path) -> None:
    _zeros(path, "x/data.pkl", 700 << 20)


def _overlapping(path: Path) -> None:
    """Members that share the same bytes."""
    archived(path, state(), {str(key): bytes(1 << 12) for key in range(9)})
    with zipfile.ZipFile(path, "a") as archive:
        where = archive.filelist[-1].header_offset
        for one in archive.filelist[2:]:
            one.header_offset = where
        archive.writestr("x/more", b"")


def _twice(path: Path) -> None:
    archived(path, state(), {"0": NUMBERS})
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("x/data.pkl", pickled(state(x=many(60))))


def _encrypted(path: Path) -> None:
    archived(path, state(), {"0": NUMBERS})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


def _rarely_packed(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x/data.pkl", pickled(state()))
        archive.writestr("x/data/0", NUMBERS)


def _many_members(path: Path) -> None:
    """A central directory that claims 3 GiB."""
    archived(path, state(), {"0": NUMBERS})
    content = bytearray(path.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    content[end + 12 : end + 16] = (3 << 30).to_bytes(4, "little")
    with path.open("wb") as file:
        file.truncate(4 << 30)
        file.write(content[:end])
        file.seek((4 << 30) - 22)
        file.write(content[end:])


def _with_holes(path: Path) -> None:
    """A sparse file of four TiB with a single tensor."""
    size = 4 << 40
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        archive.writestr("x/data.pkl", pickled(state(Data(size // 4))))
        with archive.open("x/data/0", "w", force_zip64=True):
            pass
        one = archive.filelist[-1]
        one.file_size = one.compress_size = size
        assert archive.fp is not None
        archive.start_dir = one.header_offset + 200 + size


def _nothing_listed(path: Path) -> None:
    archived(path, state(), {"0": NUMBERS})
    content = path.read_bytes()
    end = content.index(b"PK\x01\x02")
    path.write_bytes(content[:end] + b"PK\x05\x06" + bytes(8) + bytes(4) + bytes(4) + bytes(2))


ARCHIVES: dict[str, tuple[Callable[[Path], None], str]] = {
    "numbers that are packed": (_packed_numbers, r"archive of .* unpacks to 700"),
    "values that are packed": (_packed_values, r"archive of .* unpacks to 700"),
    "overlapping members": (_overlapping, "overlaps another"),
    "two of a name": (_twice, "holds x/data.pkl twice"),
    "nothing listed": (_nothing_listed, "it is a zip archive of nothing"),
    "encrypted": (_encrypted, "is encrypted or uses an unsupported compression"),
    "rarely packed": (_rarely_packed, "is encrypted or uses an unsupported compression"),
    "a long list of members": (_many_members, "directory of its archive is larger than 8.0 MiB"),
    "a file with holes": (_with_holes, "takes 4.0 TiB of memory"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_is_checked_before_it_is_unpacked(
    tmp_path: Path, reader: Reader, kind: str
) -> None:
    make, says = ARCHIVES[kind]
    path = tmp_path / "w.pt"
    try:
        make(path)
    except OSError as error:
        pytest.skip(f"this disk holds no such file: {error}")
    _refused(reader.read(path), path, says)


def _refused(answer: list[Any], path: Path, says: str) -> None:
    kind, sentence = answer
    assert kind == "refused", answer
    assert str(path) in sentence and "\n" not in sentence and len(sentence) < 900
    with pytest.raises(CheckpointError, match=says):
        raise CheckpointError(sentence)


# -- values that could crash the reader -----------------------------------------------------------


def _named(**tensors: torch.Tensor) -> Any:
    return {name.replace("__", "."): value for name, value in tensors.items()}


WHOLE = torch.ones(3, dtype=torch.int64)
TRIPS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "an accuracy beyond all numbers": lambda s: {"model": s, "acc": 1 << 2000},
    "an accuracy of many numbers": lambda s: {"model": s, "acc": torch.ones(5)},
    "whole numbers of weight norm": lambda s: {
        **{n: v for n, v in s.items() if n != "head.weight"},
        "head.weight_g": WHOLE.reshape(3, 1), "head.weight_v": torch.ones(3, 6).long(),
    },
    "whole numbers of spectral norm": lambda s: {
        **{n: v for n, v in s.items() if n != "head.weight"},
        "head.weight_orig": torch.ones(3, 6), "head.weight_u": WHOLE,
        "head.weight_v": torch.ones(6),
    },
    "a head without shape": lambda s: s | {"head.weight": torch.tensor(1.0)},
    "a mean of nothing": lambda s: s | _named(mean=torch.ones(0), std=torch.ones(0)),
    "facts of a state that is none": lambda s: {
        "state_dict": {**s, "epoch": 3}, "facts": '{"weights": "x"}',
    },
    "names that begin alike in very many ways": lambda s: {
        **s, **{".".join(f"{at:014b}") + f".{at}": WHOLE for at in range(15_000)},
    },
    "a name of half a letter": lambda s: {
        "state_dict": {**s, "\ud800": torch.ones(1)}, "facts": '{"weights": "x"}',
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", TRIPS)
def test_the_reader_never_crashes(tmp_path: Path, reader: Reader, kind: str) -> None:
    path = tmp_path / "w.pt"
    plain = checkpoints.read(archived(path, state(), {"0": NUMBERS}))
    torch.save(TRIPS[kind](plain), path)
    assert reader.read(path)[0] in ("content", "refused")


# -- files that are not plain ---------------------------------------------------------------------


def _pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
    return path


def _device(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


SPECIAL = {"pipe": _pipe, "socket": _socket, "device": _device}


@pytest.mark.parametrize("kind", SPECIAL)
def test_weights_are_read_from_plain_files_only(
    tmp_path: Path, reader: Reader, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    for name in ("w.pt", "w.safetensors"):
        path = SPECIAL[kind](Path(name))
        _refused(reader.read(path.absolute()), path, f"it is a {kind}, and only plain files")


FACTORY = """
import resource, sys
from engine.external.network import model_spec
resource.setrlimit(resource.RLIMIT_AS, (4 << 30,) * 2)
model_spec(sys.argv[1] + ":make")
"""


@pytest.mark.parametrize("kind", SPECIAL)
def test_networks_are_read_from_plain_files_only(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.py"
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    SPECIAL[kind](Path("net.py"))
    monkeypatch.undo()
    command = [sys.executable, "-c", FACTORY, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert f"net.py: it is a {kind}, and only plain files are read." in done.stderr


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"Cannot read the checkpoint .*: Is a directory\."):
        checkpoints.read(tmp_path)
    with pytest.raises(CheckpointError, match="embedded null"):
        checkpoints.read(tmp_path / "a\0b")


def test_a_malicious_partial_training_starts_afresh(tmp_path: Path) -> None:
    path = archived(tmp_path / "m.pt", {"epoch": 1, "x": many(40)})
    assert checkpoints.EpochCheckpoint(path, Store(tmp_path).replacing).load() is None
    assert not path.exists()
