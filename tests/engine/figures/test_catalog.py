"""Every kind of figure, drawn for a real small study and opened by other programs."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pytest
from lent import lent
from needs import needs
from PIL import Image

pytest.importorskip("matplotlib")

from engine.__main__ import main
from engine.errors import SpecError, StoreError
from engine.figures import catalog
from engine.figures.catalog import KINDS
from engine.figures.figure_set import MANIFEST, draw_set, kinds_named
from engine.results import Study
from engine.runtime.progress import Reporter

if TYPE_CHECKING:
    from engine.embedding.joint_umap import Embedder
    from engine.pipeline.pipeline import Pipeline

MM_OF_POINT = 25.4 / 72
PIXELS = {"comparison", "embedding", "neighborhood", "samples", "slice"}  # made of pictures
WORDS = {  # what must be read on each figure
    "attack": ["Scores under", "false positive rate (%)", "members"],
    "comparison": ["accuracy on test samples (%)"],
    "critical": ["GD", "recognized again", "standard deviation per pixel"],
    "curves": ["Original", "GD", "standard deviation per pixel", "forget samples"],
    "embedding": ["UMAP 1", "Original", "forget"],
    "epochs": ["epoch", "accuracy (%)", "residual knowledge r"],
    "metrics": ["Unlearn", "Re-train", "Original"],
    "neighborhood": ["Sample", "Gaussian at τ", "of 10"],
    "samples": ["The forget set", "r: largest over τ"],
    "sample-curve": ["residual knowledge r", "forget set in GD: middle 90 %"],
    "scatter": ["Gap (% points)", "GD"],
    "slice": ["↑ random", "τ ball", "true class", "→ (L2)"],
}


class Made:
    """A study of one dataset, with its pipeline and the folder for what is drawn."""

    def __init__(self, folder: Path, dataset: str) -> None:
        from engine.pipeline.pipeline import Pipeline
        from engine.spec import DataSpec
        from engine.storage.store import Store

        self.folder = folder
        self.pipeline: Pipeline = Pipeline(Store(folder / "store"))
        data = self.pipeline.dataset(DataSpec(dataset), Reporter())
        spec = self.pipeline.compose(
            data, methods=("gd", "ga"), retrains=2, draws=10, taus="0,0.1,0.3",
            settings={"train": {"epochs": "3"}, "gd": {"epochs": "2"}, "ga": {"epochs": "1"}},
        )  # fmt: skip
        self.study: Study = self.pipeline.run(spec, Reporter(), watch=True)

    def draw(self, kind: str, name: str, **options: Any) -> list[Path]:
        return catalog.figure(self.pipeline, self.study, kind, self.folder / name, **options)


@pytest.fixture(scope="module", params=["digits", "iris"])
def made(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    embedder: Embedder,
) -> Iterator[Made]:
    one = Made(tmp_path_factory.mktemp(request.param), request.param)
    with lent(one.pipeline, embedder):
        yield one
    one.pipeline.close()


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    one = Made(tmp_path_factory.mktemp("plain"), "iris")
    yield one
    one.pipeline.close()


def kinds() -> list[Any]:
    return [pytest.param(kind, marks=needs("umap")) if kind == "embedding" else kind
            for kind in sorted(KINDS)]  # fmt: skip


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def plain(words: str) -> str:
    return " ".join(words.replace("\u200b", "").split())


def test_every_kind_is_looked_at_here() -> None:
    assert set(WORDS) == set(KINDS)


@pytest.mark.parametrize("kind", kinds())
def test_an_svg_has_its_size_its_letters_and_its_words_as_text(kind: str, made: Made) -> None:
    svg, table, *_ = made.draw(kind, f"{kind}.svg", width_mm=120, font_size=7, title=True)
    root = ElementTree.parse(svg).getroot()
    assert float(root.attrib["width"].removesuffix("pt")) * MM_OF_POINT == pytest.approx(120, 1e-4)
    texts = [one for one in root.iter() if one.tag.endswith("}text")]
    said = plain(" ".join("".join(one.itertext()) for one in texts))
    missing = [words for words in WORDS[kind] if plain(words) not in said]
    assert not missing, said
    sizes = {float(n) for one in texts for n in re.findall(r"([\d.]+)px", one.get("style", ""))}
    assert kind == "samples" or 7 in sizes
    assert min(sizes) >= 5 and max(sizes) <= 8
    images = [one for one in root.iter() if one.tag.endswith("}image")]
    assert kind in PIXELS or not images
    meta = "".join("".join(one.itertext()) for one in root if one.tag.endswith("metadata"))
    assert made.study.key in meta and "rk-explorer" in meta and "seed 131" in meta
    numbers = rows(table)
    assert numbers
    assert {(row["study_key"], row["study_seed"]) for row in numbers} == {(made.study.key, "131")}


@pytest.mark.parametrize("kind", kinds())
def test_a_pdf_opens_in_another_program_with_its_size_and_text(kind: str, made: Made) -> None:
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 reads the PDF")
    path = made.draw(kind, f"{kind}.pdf", width_mm=89, font_size=8, title=True)[0]
    with pdfium.PdfDocument(path) as document:
        assert len(document) == 1
        assert made.study.key in document.get_metadata_dict()["Subject"]
        page = document[0]
        assert page.get_width() * MM_OF_POINT == pytest.approx(89, 1e-3)
        text = page.get_textpage()
        said = plain(text.get_text_bounded())
        first = plain(WORDS[kind][0])
        assert first.replace(" ", "") in said.replace(" ", ""), said
        image = np.asarray(page.render(scale=2).to_pil().convert("L"))
        text.close()
        page.close()
    assert 0.01 < (image < 250).mean() < 0.98  # something is drawn, and paper is left
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):  # nothing runs off the page
        assert (edge > 200).mean() > 0.9


@pytest.mark.parametrize("kind", kinds())
def test_a_png_has_as_many_pixels_as_was_asked(kind: str, made: Made) -> None:
    path = made.draw(kind, f"{kind}.png", width_mm=89, font_size=8, dpi=200)[0]
    with Image.open(path) as image:
        assert abs(image.width - 89 / 25.4 * 200) < 2
        assert image.info["dpi"] == pytest.approx((200, 200), 1e-3)
        assert image.info["key"] == made.study.key
        assert np.asarray(image.convert("L")).std() > 5


@pytest.mark.parametrize(("width", "font"), [(10, 8), (14, 30), (30, 8), (45, 72)])
@pytest.mark.parametrize("kind", kinds())
def test_a_tiny_figure_is_drawn_without_complaint_or_refused_with_a_sentence(
    kind: str, width: float, font: float, made: Made
) -> None:
    out = made.folder / "tiny" / f"{kind}-{width}-{font}.png"
    files: list[Path] = []
    said = ""
    try:
        files = made.draw(kind, str(out), width_mm=width, font_size=font, dpi=36)
    except SpecError as error:
        said = str(error)
    assert bool(files) != ("leaves no room for the figure. Make it wider, or" in said)
    assert sorted(out.parent.glob(f"{out.stem}.*")) == sorted(files)


def test_words_that_leave_no_room_are_said(made: Made) -> None:
    with pytest.raises(SpecError, match="At a font size of 8 points the text leaves no room"):
        made.draw("curves", "tiny.svg", width_mm=10, font_size=8)


@pytest.mark.parametrize("kind", ["slice", "samples"])
def test_the_same_study_gives_the_same_file(kind: str, iris: Made) -> None:
    one, other = (iris.draw(kind, f"{n}/{kind}.pdf") for n in "ab")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


def test_a_slices_numbers_are_those_of_the_pipeline(iris: Made) -> None:
    table = iris.draw("slice", "s.svg", sample=3, directions="random", tau=0.3, size=17)[1]
    spec = iris.pipeline.spec_of(iris.study)
    found = iris.pipeline.slice(spec, 3, "random", 0.3, 17, Reporter())
    own = [row for row in rows(table) if row["model"] == "gd"]
    assert len(own) == 17 * 17
    classes = ["setosa", "versicolor", "virginica"]
    said = [classes.index(row["prediction"]) for row in own]
    assert said == found.predictions["gd"].ravel().tolist()
    inside = [row for row in own if row["in_ball"] == "1"]
    share = 100 * np.mean([row["correct"] == "1" for row in inside])
    assert share == pytest.approx(found.recognized()["gd"])


def test_a_sheet_shows_the_samples_it_is_given_in_their_order(iris: Made) -> None:
    wanted = [7, 119, int(iris.study.forget[0])]
    _, table, *_ = iris.draw("samples", "three.svg", samples=wanted, model="original")
    found = rows(table)
    assert [int(row["sample"]) for row in found] == wanted
    assert [row["split"] for row in found] == ["retain", "retain", "forget"]
    assert {row["model"] for row in found} == {"Original"}
    assert all(0 < float(row["confidence"]) <= 1 for row in found)
    assert found[2]["verdict"] in ("residual", "none", "undecided")
    with pytest.raises(SpecError, match="no sample 999"):
        iris.draw("samples", "none.svg", samples=[999])


def test_impossible_wishes_are_refused_with_a_sentence(iris: Made) -> None:
    with pytest.raises(SpecError, match="dots per inch"):
        iris.draw("curves", "c.png", dpi=5)
    with pytest.raises(SpecError, match="mm wide"):
        iris.draw("curves", "c.svg", width_mm=5000)
    (iris.folder / "file").write_text("")
    with pytest.raises(StoreError, match="Cannot write"):
        iris.draw("curves", "file/c.svg")


# -- sets -------------------------------------------------------------------------------------
def test_a_set_is_equal_in_size_and_lists_what_it_is(iris: Made) -> None:
    folder = iris.folder / "set"
    made_set = draw_set(
        iris.pipeline, iris.study, ["curves", "metrics", "slice"], folder, Reporter(),
        suffix=".svg", look={"width_mm": 89.0, "font_size": 8.0},
        options={"slice": {"sample": 4, "size": 17}},
    )  # fmt: skip
    listed = json.loads((folder / MANIFEST).read_text())
    assert listed["study"] == iris.study.key and listed["seed"] == 131
    assert listed["version"].startswith("rk-explorer ") and listed["width_mm"] == 89
    assert [one["kind"] for one in listed["figures"]] == ["curves", "metrics", "slice"]
    assert listed["figures"][2]["options"] == {"sample": 4, "size": 17}
    there = {path.name for path in folder.iterdir()}
    assert there == {name for one in listed["figures"] for name in one["files"]} | {MANIFEST}
    assert there == {path.name for path in made_set.files}
    widths = {ElementTree.parse(path).getroot().get("width") for path in folder.glob("*.svg")}
    assert len(widths) == 1


def test_a_set_goes_on_without_what_cannot_be_drawn(iris: Made) -> None:
    folder = iris.folder / "partly"
    found = draw_set(
        iris.pipeline, iris.study, ["curves", "slice"], folder, Reporter(),
        options={"slice": {"directions": "nowhere"}},
    )  # fmt: skip
    assert list(found.missing) == ["slice"] and "nowhere" in found.missing["slice"]
    assert json.loads((folder / MANIFEST).read_text())["missing"] == dict(found.missing)
    with pytest.raises(SpecError, match="No figure could be drawn"):
        draw_set(
            iris.pipeline, iris.study, ["slice"], iris.folder / "none", Reporter(),
            options={"slice": {"directions": "nowhere"}},
        )  # fmt: skip


def test_all_means_every_kind() -> None:
    assert kinds_named("all") == sorted(KINDS)
    assert kinds_named("slice, curves") == ["slice", "curves"]
    with pytest.raises(SpecError, match="curves"):
        kinds_named("curve,slice")


def test_the_command_line_draws_sets(iris: Made, capsys: pytest.CaptureFixture[str]) -> None:
    folder = iris.folder / "cli"
    words = ["figure", iris.study.key, "--kind", "curves,sample-curve", "--out", str(folder)]
    store = ["--store", str(iris.folder / "store")]
    assert main([*words, "--format", "png", "--dpi", "100", "--width", "60", *store]) == 0
    said = capsys.readouterr().out.split()
    assert {Path(one).name for one in said} == {path.name for path in folder.iterdir()}
    with Image.open(folder / "curves.png") as image:
        assert abs(image.width - 60 / 25.4 * 100) < 2
    shutil.rmtree(folder)
