"""Names, tags and notes beside studies."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StoreError
from engine.storage.annotations import (
    LONGEST_NAME,
    MOST_TAGS,
    Annotation,
    Annotations,
    annotation,
    annotation_of,
)
from engine.storage.store import Store

KEY = "0123456789abcdef0123"


def test_what_is_written_is_read_again_and_nothing_else_is_touched(tmp_path: Path) -> None:
    store = Store(tmp_path)
    annotations = Annotations(store)
    assert annotations.get(KEY) == Annotation() and annotations.all() == {}
    written = annotation("Best so far", ["paper, digits"], "Line 1\nLine 2 — ü")
    annotations.put(KEY, written)
    assert annotations.get(KEY) == written
    assert annotations.all() == {KEY: written}
    assert written.tags == ("paper", "digits")
    assert [path.name for path in (tmp_path / "annotations").iterdir()] == [f"{KEY}.json"]
    annotations.put(KEY, Annotation())
    assert not annotations.path(KEY).exists()
    annotations.put(KEY, Annotation())  # nothing to remove


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"name": 3}', b"[" * 100_000]
)
def test_a_damaged_file_counts_as_empty(tmp_path: Path, content: bytes) -> None:
    annotations = Annotations(Store(tmp_path))
    annotations.path(KEY).parent.mkdir()
    annotations.path(KEY).write_bytes(content)
    assert annotations.get(KEY) == Annotation()
    assert annotations.all() == {KEY: Annotation()}


def test_texts_from_files_are_cut_and_cleaned() -> None:
    plain = {
        "name": "a\x00b\n" + "x" * 500, "tags": ["t" * 99, 7, *map(str, range(50))],
        "notes": "one\ttwo\x1b[31m\n" + "y" * 50_000,
    }  # fmt: skip
    found = annotation_of(plain)
    assert len(found.name) == LONGEST_NAME and found.name.startswith("ab x")
    assert len(found.tags) == MOST_TAGS and len(found.tags[0]) == 40
    assert found.notes.startswith("one\ttwo[31m\ny") and len(found.notes) == 20_000


def test_a_read_only_store_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    monkeypatch.setattr(store, "_refusal", "Permission denied")
    with pytest.raises(StoreError, match="Names, tags and notes cannot be written here"):
        Annotations(store).put(KEY, annotation("x"))
