"""Reports: every section, nothing from elsewhere, nothing that runs, and the same on paper."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
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
from engine.analysis.finding import findings
from engine.errors import DataError, SpecError, StoreError
from engine.figures import catalog
from engine.report import figures, html, stored
from engine.report.content import document, subject
from engine.report.document import Code, Document, Facts, Folded, Grid, Picture, Section, Text
from engine.report.settings import settings_of
from engine.report.write import write
from engine.results import FINE, Study
from engine.runtime.progress import Reporter

if TYPE_CHECKING:
    from engine.embedding.joint_umap import Embedder
    from engine.pipeline.pipeline import Pipeline

ROOT = Path(__file__).parents[3]
EVIL, FORMULA = "<script>alert(1)", "=1+1"
SECTIONS = [
    "findings", "asked", "settings", "metrics", "residual", "worst", "attack", "maps", "forget",
    "provenance", "all-settings",
]  # fmt: skip
ALONE = {"br", "meta", "link", "img", "input", "hr"}  # elements that have no end


class Page(HTMLParser):
    """What a browser would find: elements, their attributes, and the text outside of style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ALONE:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def values(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


def studied(pipeline: Pipeline, dataset: str, root: str = "", **words: Any) -> Study:
    from engine.spec import DataSpec

    data = pipeline.dataset(DataSpec(dataset, root), Reporter())
    settings = {"train": {"epochs": "3"}, "gd": {"epochs": "2"}}
    spec = pipeline.compose(
        data, methods=("gd",), retrains=2, draws=10, taus="0,0.1", settings=settings, **words
    )
    return pipeline.run(spec, Reporter())


@pytest.fixture(scope="module")
def iris(
    tmp_path_factory: pytest.TempPathFactory, embedder: Embedder
) -> Iterator[tuple[Pipeline, Study]]:
    from engine.pipeline.pipeline import Pipeline
    from engine.storage.store import Store

    made = Pipeline(Store(tmp_path_factory.mktemp("iris") / "store"))
    study = studied(made, "iris")
    made.slice(made.spec_of(study), 5, "random", 0.1, FINE, Reporter())
    with lent(made, embedder):
        yield made, study
    made.close()


@pytest.fixture(scope="module")
def page(iris: tuple[Pipeline, Study], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "report.html"
    assert write(*iris, [out], Reporter()) == [out]
    return out


def images(folder: Path) -> Path:
    """A tiny folder of images whose classes have names that somebody should have refused."""
    rng = np.random.default_rng(1)
    for split, n in (("train", 12), ("val", 6)):
        for number, name in enumerate((EVIL, FORMULA, "plain")):
            place = folder / split / name
            place.mkdir(parents=True)
            for i in range(n):
                pixels = rng.integers(0, 80, (8, 8, 3)) + 80 * number
                Image.fromarray(pixels.astype(np.uint8)).save(place / f"{i}.png")
    return folder


def test_the_page_has_every_section_and_links_to_it(page: Path) -> None:
    found = Page(page.read_text(encoding="utf-8"))
    ids = found.values("id")
    assert [one for one in ids if one in SECTIONS] == SECTIONS
    assert len(ids) == len(set(ids))
    assert [one for one in found.values("href") if one[1:] in SECTIONS] == [
        f"#{name}" for name in SECTIONS
    ]
    assert not found.open
    assert found.tags.count("h1") == 1 and found.tags.count("svg") >= 6


def test_the_page_needs_nothing_and_runs_nothing(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = Page(text)
    assert "://" not in text
    assert not {"script", "link", "iframe", "object", "foreignobject", "img"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    linked = found.values("href") + found.values("src") + found.values("xlink:href")
    assert all(one.startswith(("#", "data:image/png;base64,")) for one in linked)
    ids = set(found.values("id"))
    assert {one[1:] for one in linked if one.startswith("#")} <= ids
    named = re.findall(r"url\(#([^)]+)\)", text)
    assert named and set(named) <= ids


def test_each_finding_links_to_the_samples_it_counts_and_to_its_norm(pipeline: Pipeline) -> None:
    study = studied(pipeline, "iris")
    counts = {
        **study.residual.counts,
        **dict.fromkeys(("retrain-0", "retrain-1"), np.zeros((7, 2))),
    }
    counts |= {f"retrain-{j}": np.full((7, 2), 8) for j in range(20)}
    counts["gd"] = np.full((7, 2), 10)
    names = list(study.residual.curves)
    q = {name: np.full(7, 0.01) for name in names}
    curve = replace(study.residual.curves["gd"], pooled=np.full(2, 9.0))
    counts = {name: np.asarray(rows, np.int32) for name, rows in counts.items()}
    residual = replace(
        study.residual, counts=counts, q_values=q, predictions={},
        curves=dict.fromkeys(names, curve),
    )  # fmt: skip
    changed = replace(study, residual=residual)
    text = html.page(document(subject(pipeline, changed), {}))
    found, first = Page(text), findings(changed)[0]
    sentence = re.search("<p><strong>GD</strong>(.*)</p>", text)
    assert sentence is not None
    assert first.text == "GD" + re.sub("<[^>]*>", "", sentence[1])
    assert '<a href="#samples-gd">7 of 7</a>' in text and '<a href="#tau-0.1">τ 0.1</a>' in text
    assert {"samples-gd", "tau-0.1"} <= set(found.values("id"))
    assert len(found.values("id")) == len(set(found.values("id")))
    assert ", ".join(map(str, first.links[0].samples)) in found.text


def test_the_numbers_are_those_of_the_study(page: Path, iris: tuple[Pipeline, Study]) -> None:
    study, said = iris[1], Page(page.read_text(encoding="utf-8")).text
    curve = study.residual.curves["gd"]
    assert f"{curve.mean[1]:.3f} [{curve.low[1]:.3f}, {curve.high[1]:.3f}]" in said
    gap = study.metrics["gd"]["unlearn_acc"] - study.metrics["retrain"]["unlearn_acc"]
    assert f"{study.metrics['gd']['unlearn_acc']:.2f} ({gap:+.2f})" in said
    assert ", ".join(map(str, study.forget.tolist())) in said
    assert f"{int(curve.undefined.max())} of {len(study.forget)}" in said
    for words in (study.key, "Iris", "null band", "left out of the sample's mean", "seed 131"[5:]):
        assert words in said


def test_what_differs_from_the_recommendation_comes_first(
    page: Path, iris: tuple[Pipeline, Study]
) -> None:
    pipeline, study = iris
    spec = pipeline.spec_of(study)
    found = settings_of(spec, pipeline.dataset(spec.data, Reporter()))
    changed = {(one.owner, one.name): one.value for one in found if one.changed}
    assert changed == {
        ("training", "epochs"): 3, ("gd", "epochs"): 2, ("measuring", "draws"): 10,
        ("measuring", "taus"): (0.0, 0.1),
    }  # fmt: skip
    said = Page(page.read_text(encoding="utf-8")).text
    first, last = said.index("Settings that differ"), said.rindex("All settings")
    assert first < said.index("Measures of every model") < last


def test_the_line_in_the_report_makes_the_same_study(
    page: Path, iris: tuple[Pipeline, Study], capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline, study = iris
    code = re.search(r"<code>(.*?)</code>", page.read_text(encoding="utf-8"))
    assert code is not None
    words = shlex.split(unescape(code[1]))
    assert words[:2] == ["rk-engine", "run"]
    assert main([*words[1:], "--store", str(pipeline.store.root)]) == 0
    assert study.key in capsys.readouterr().out


def test_a_slice_is_shown_only_once_somebody_looked(iris: tuple[Pipeline, Study]) -> None:
    pipeline, study = iris
    found = stored.cut(pipeline.store, study.key)
    assert found == {
        "sample": 5, "directions": "random", "tau": 0.1, "perturbation": "gaussian", "towards": -1
    }  # fmt: skip
    assert stored.cut(pipeline.store, "another") is None
    assert stored.embedded(pipeline.store, study.key) is None
    assert "slice" in [one.kind for one in figures.requests(pipeline, study)]
    assert "embedding" not in [one.kind for one in figures.requests(pipeline, study)]


@needs("umap")
def test_a_map_is_shown_once_it_was_made(pipeline: Pipeline) -> None:
    study = studied(pipeline, "iris")
    pipeline.embed(pipeline.spec_of(study), ("original", "gd"), Reporter())
    assert stored.embedded(pipeline.store, study.key) == ("original", "gd")


@needs("umap")
def test_the_report_shows_the_map_and_the_samples_that_were_on_the_screen(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    study = studied(pipeline, "iris")
    seen = {"a": "original", "b": "gd", "color": "loss", "highlight": "wrongly lost", "tau": 0.1}
    near = {"sample": int(study.forget[-1]), "perturbation": "l2", "tau": 0.1}
    shown = {"embedding": seen, "neighborhood": near, "curves": {"log": True}}
    asked = {one.kind: one for one in figures.requests(pipeline, study, shown)}
    assert asked["embedding"].options == seen and asked["curves"].options == {"log": True}
    last = [one for one in figures.requests(pipeline, study, shown) if one.kind == "neighborhood"]
    assert any(one.options.get("sample") == near["sample"] for one in last)
    out = tmp_path / "shown.html"
    write(pipeline, study, [out], Reporter(), shown=shown)
    text = out.read_text(encoding="utf-8")
    assert "Joint UMAP embedding of the features of Original, GD" in text
    assert "cross-entropy" in text.lower()  # the color bar and the caption of that color
    assert "Not dimmed: retain and test samples that it misclassifies" in text


def test_the_same_report_twice_is_the_same_file(
    iris: tuple[Pipeline, Study], page: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.html"
    write(*iris, [again], Reporter())
    assert again.read_bytes() == page.read_bytes()


def test_names_from_files_stay_words(pipeline: Pipeline, tmp_path: Path) -> None:
    study = studied(
        pipeline, "folder", str(images(tmp_path / "data")), forget="class:0:0.5", model="mlp"
    )
    out = tmp_path / "report.html"
    write(pipeline, study, [out], Reporter())
    text = out.read_text(encoding="utf-8")
    assert "<script" not in text.lower()
    found = Page(text)
    assert EVIL in found.text and "script" not in found.tags
    table = catalog.figure(pipeline, study, "samples", tmp_path / "s.svg")[1].read_text(
        encoding="utf-8"
    )
    assert f"'{FORMULA}" in table or FORMULA not in table
    assert not re.search(r"(^|,)=", table, re.MULTILINE)


def test_without_the_data_the_numbers_are_still_told(pipeline: Pipeline, tmp_path: Path) -> None:
    from engine.pipeline.pipeline import Pipeline as Another
    from engine.storage.store import Store

    data = images(tmp_path / "data")
    study = studied(pipeline, "folder", str(data), forget="class:2:0.5", model="mlp")
    shutil.rmtree(data)
    later = Another(Store(pipeline.store.root))
    with pytest.raises(DataError):
        later.dataset(later.spec_of(study).data, Reporter())
    out = tmp_path / "report.html"
    write(later, study, [out], Reporter())
    later.close()
    found = Page(out.read_text(encoding="utf-8"))
    assert f"{study.residual.curves['gd'].mean[1]:.3f}" in found.text
    assert "The data are not available here" in found.text and "not drawn" in found.text
    assert "svg" in found.tags  # curves need no data


def test_what_could_run_is_taken_out_of_a_figure() -> None:
    source = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'onload="evil()"><script>evil()</script><metadata>secret</metadata>'
        '<defs><g id="a"/></defs><use xlink:href="#a" clip-path="url(#a)"/>'
        '<image href="http://elsewhere/x.png"/><foreignObject><p>x</p></foreignObject></svg>'
    )
    made = html.inlined(ElementTree.fromstring(source), "f1-")
    assert 'id="f1-a"' in made and 'href="#f1-a"' in made and 'clip-path="url(#f1-a)"' in made
    for word in ("evil", "secret", "elsewhere", "foreignObject", "xmlns"):
        assert word not in made


def test_every_kind_of_block_is_escaped() -> None:
    words = '<b onclick="x">&'
    blocks = (
        Text(words), Grid(words, (words,), ((words,),)), Folded(words, (Text(words, muted=True),)),
    )  # fmt: skip
    text = html.page(Document(words, words, (Section("one", words, blocks),), (("key", words),)))
    found = Page(text)
    assert "b" not in found.tags and found.text.count(words) == 11
    assert ("content", words) in found.attributes


def test_every_kind_of_block_is_an_element_of_its_own(tmp_path: Path) -> None:
    picture = tmp_path / "figure.svg"
    picture.write_text('<svg xmlns="http://www.w3.org/2000/svg"><g id="a"/></svg>', "utf-8")
    long = "words that are longer than the thirty characters of a line"
    blocks = (
        Text("said"), Facts((("name", "value"),)),
        Grid("caption", ("of", "n"), (("w", "1"), (long, "2"))),
        Picture("drawn", picture, None, 100.0), Picture("drawn", picture, None, 100.0),
        Picture("not drawn", None, 0, 100.0), Code("a  b"), Folded("more", (Code("c"),)),
    )  # fmt: skip
    text = html.page(Document("t", "s", (Section("one", "One", blocks),)))
    found = Page(text)
    counts = {tag: found.tags.count(tag) for tag in ("p", "dl", "table", "figure", "details")}
    assert counts == {"p": 2, "dl": 1, "table": 1, "figure": 2, "details": 1}  # one p: subtitle
    assert found.values("id") == ["one", "f1-a", "f2-a"]
    assert [one for one in found.values("class") if one not in ("wide", "subtitle")] == [
        "words", "words", "words long",
    ]  # fmt: skip
    assert "max-width: 135mm" in found.values("style")
    assert "<pre><code>a  b</code></pre>" in text and "not drawn" not in text


def test_templates_go_with_the_program_when_it_is_installed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["*"]
    package = Path(html.__file__).parent
    sent = {path for pattern in patterns for path in package.glob(pattern)}
    assert sent == {path for path in html.TEMPLATES.iterdir() if path.is_file()}
    assert {path.name for path in sent} >= {"page.html", "blocks.html", "report.css"}


# -- PDF --------------------------------------------------------------------------------------
@needs("fpdf")
@needs("pypdf")
def test_the_pdf_has_the_same_words_and_figures_as_lines(
    iris: tuple[Pipeline, Study], tmp_path: Path
) -> None:
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 reads the PDF")
    study, out = iris[1], tmp_path / "report.pdf"
    write(*iris, [out], Reporter())
    with pdfium.PdfDocument(out) as file:
        assert len(file) >= 3
        said, drawn = "", 0
        for page in file:
            assert page.get_width() == pytest.approx(595, abs=1)
            text = page.get_textpage()
            said += " " + text.get_text_bounded()
            text.close()
            drawn += sum(one.type == pdfium.raw.FPDF_PAGEOBJ_PATH for one in page.get_objects())
            image = np.asarray(page.render(scale=1).to_pil().convert("L"))
            assert (image < 200).any()
            assert (image[:, :30] > 200).all() and (image[:, -30:] > 200).all()  # the margins
            page.close()
        assert study.key in file.get_metadata_dict()["Creator"]
    words = " ".join(said.split())
    for part in ("Perturbation", "Residual knowledge", "null band", study.key, "Verdict"[1:]):
        assert part in words
    assert "standard deviation per pixel" in words  # within a figure
    assert f"{study.residual.curves['gd'].mean[1]:.3f}" in words
    assert drawn > 200


@needs("fpdf")
@needs("pypdf")
def test_html_and_pdf_share_figures_that_are_drawn_once_and_stay_the_same(
    iris: tuple[Pipeline, Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    figure = catalog.figure

    def counted(pipeline: Pipeline, one: Study, kind: str, out: Path, **options: Any) -> list[Path]:
        drawn.append(kind)
        return figure(pipeline, one, kind, out, **options)

    monkeypatch.setattr(catalog, "figure", counted)
    both = [tmp_path / "a.html", tmp_path / "a.pdf"]
    write(*iris, both, Reporter())
    assert drawn == [one.kind for one in figures.requests(*iris)]
    for alone, kept in zip((tmp_path / "b.html", tmp_path / "b.pdf"), both, strict=True):
        write(*iris, [alone], Reporter())
        assert alone.read_bytes() == kept.read_bytes()
    assert len(drawn) == 3 * len(figures.requests(*iris))


@needs("fpdf")
@needs("pypdf")
def test_a_pdf_whose_figures_all_fail_says_so_in_their_places(
    iris: tuple[Pipeline, Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pypdf = pytest.importorskip("pypdf")

    def fail(*_: object, **__: object) -> list[Path]:
        raise SpecError("Too small to draw.")

    monkeypatch.setattr(catalog, "figure", fail)
    write(*iris, [tmp_path / "none.pdf"], Reporter())
    pages = pypdf.PdfReader(tmp_path / "none.pdf").pages
    said = " ".join(" ".join(page.extract_text() for page in pages).split())
    assert said.count("not drawn: Too small to draw.") == len(figures.requests(*iris))


@needs("fpdf")
def test_a_wide_table_is_broken_into_parts() -> None:
    from engine.report import pdf

    pages = pdf.Pages("wide", None)
    pages.add_page()
    header = ("model", *(f"measure number {i}" for i in range(40)))
    grid = Grid("wide", header, (("GD", *["123.456 [100.0, 200.0]"] * 40),))
    parts = pdf._parts(pages, grid)
    assert len(parts) > 1
    assert [name for part in parts for name in part.header[1:]] == list(header[1:])
    assert all(sum(pdf._fitting(pages, part)[1]) <= pages.epw for part in parts)
    pages.close_fonts()


# -- the command line -------------------------------------------------------------------------
@needs("fpdf")
@needs("pypdf")
def test_the_command_line_writes_both(
    iris: tuple[Pipeline, Study], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline, study = iris
    files = [tmp_path / "r.html", tmp_path / "r.pdf"]
    words = ["report", study.key[:8], "--out", str(files[0]), "--pdf", str(files[1])]
    assert main([*words, "--store", str(pipeline.store.root)]) == 0
    assert capsys.readouterr().out.split() == list(map(str, files))
    assert files[0].read_text().startswith("<!DOCTYPE html>")
    assert files[1].read_bytes().startswith(b"%PDF")


def test_what_cannot_be_a_report_is_refused(iris: tuple[Pipeline, Study], tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"ends in \.html or \.pdf"):
        write(*iris, [tmp_path / "report.docx"], Reporter())
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Cannot write"):
        write(*iris, [tmp_path / "file" / "report.html"], Reporter())


def test_a_forget_set_without_words_is_listed_for_the_line(pipeline: Pipeline) -> None:
    study = studied(pipeline, "iris", forget=(3, 50, 51))
    found = document(subject(pipeline, study), {})
    provenance = next(one for one in found.sections if one.name == "provenance")
    words = " ".join(str(getattr(block, "words", "")) for block in provenance.blocks)
    assert "First save" in words and "as forget.csv" in words and "indices:forget.csv" in words
    asked = str(next(one for one in found.sections if one.name == "asked"))
    assert "3 samples, chosen individually" in asked
