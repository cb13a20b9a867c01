"""The page as files: whole, escaped, typeset, self-contained, every link leading somewhere."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import math
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import jupytext
import nbformat
import numpy as np
import pytest

from harness import decisions, page
from harness.decisions import Comparison, Evidence, Verdict
from harness.errors import BadInput
from harness.ledger import ControlRow, Row, read_ledger, write_ledger
from harness.page import RULES, build_page, duration, number, percent, prose, value
from harness.sharpness import sharpness

TOY = Path(__file__).parent / "toy_project"

DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="432pt" height="288pt" viewBox="0 0 432 288">'
    '<rect width="432" height="288" fill="#fff"/></svg>'
)

STORY = r'''r"""Every rule of the house.

A sentence with <i>no tags</i> and $a<b$. Another, with `code` and a list:

- $\hat\theta_n\to\theta$ in $\mathbb R^p$,
- nothing else.

$$\sup_x|F(x)-F_0(x)|\le\varepsilon$$
"""


class Config:
    """Parameters."""

    width: int = 10
    """Neurons $m$."""


def at_most(run, config):
    """Nothing."""
'''

RNG = np.random.default_rng(0)
UNIFORM, COINS = RNG.random((200, 3)), RNG.random((2000, 2)) < 0.5
SCALES = np.array([1.0, 10.0, 100.0])

EVIDENCE: dict[str, Evidence] = {
    evidence.rule: evidence
    for evidence in [
        decisions.identity(1 + 1e-15 * UNIFORM, 1.0, rounding=1e-12),
        decisions.counts([3, 3, 3], 3),
        decisions.at_most(UNIFORM, [0.7, 0.5, 0.2]),
        decisions.at_least(UNIFORM, 0.3),
        decisions.equals(UNIFORM, 0.5, margin=0.2),
        decisions.frequency(COINS, 0.5, margin=0.1),
        decisions.frequency_at_most(COINS, 0.6),
        decisions.frequency_at_least(COINS[:1], 0.4),
        decisions.scales_as(SCALES, SCALES * np.exp(0.01 * UNIFORM), 1.0, margin=0.1),
        decisions.ordered(UNIFORM, UNIFORM + 1e-9, effect=1e-10),
        decisions.distributed_as(UNIFORM[:, 0], lambda x: np.clip(x, 0, 1), margin=0.3),
    ]
}


def row(paper: str, claim: str, evidence: Evidence, **changes: object) -> Row:
    """A ledger row around some evidence; its control has a prediction ten times as large."""
    off = evidence.compare(10.0)
    control = ControlRow(
        **_numbers(evidence, off),
        because=r"Without $\omega$ it fails.",
        changes={"width": 20, "predict": "<lambda>"},
        expected=off.verdict,
    )
    usual = Row(
        **_numbers(evidence, evidence.comparison),
        paper=paper,
        claim=claim,
        statement=r"For $t\ge C\log n$ it is so.",
        source="Theorem 1",
        kind="bound",
        rule=evidence.rule,
        error_rate=evidence.error_rate,
        repetitions=evidence.repetitions,
        sharpness=sharpness(evidence),
        tolerance=math.inf,
        expected=evidence.verdict,
        reason=r"It is off by $\tfrac12$." if evidence.verdict is Verdict.REFUTED else "",
        controls=[control],
        size="ci",
        seed=0,
        config={"width": 10, "dimension": 10**18, "steps": (1, 2), "rate": None},
        versions={"python": "3.11"},
        commit="0123456789abcdef+",
        device="cpu",
        wall_seconds=1.25,
        peak_memory_bytes=2**28,
    )
    return dataclasses.replace(usual, **changes)


def _numbers(evidence: Evidence, comparison: Comparison) -> dict[str, object]:
    arrays = {"predicted": evidence.predicted, **comparison._asdict()}
    numbers = {name: array.tolist() for name, array in arrays.items()}
    return numbers | {"points": list(evidence.points), "verdict": comparison.verdict}


def make_project(folder: Path) -> Path:
    """The toy project with two more papers, one of them not measured; its folder of figures."""
    for room in ("experiments", "theory"):
        shutil.copytree(TOY / room, folder / room)
        (folder / room / "rules").mkdir()
    (folder / "experiments/rules/all_rules.py").write_text(STORY)
    (folder / "experiments/rules/unmeasured.py").write_text('"""Still to come: $x^2$."""\n')
    figures = folder / "figures"
    coin, rules = "games/coin", "rules/all_rules"
    fair, rare = EVIDENCE["frequency"], decisions.at_most(COINS[:, 0].astype(float), 0.2)
    write_ledger(
        figures / f"{coin}.json",
        [row(coin, "coin_is_fair", fair), row(coin, "heads_are_rare", rare)],
    )
    write_ledger(
        figures / f"{rules}.json",
        [row(rules, rule.replace(" ", "_"), evidence) for rule, evidence in EVIDENCE.items()],
    )
    (figures / f"{coin}.svg").write_text(DRAWING)
    return figures


def build(folder: Path) -> list[Path]:
    """Build the page of a project made by `make_project`."""
    with pytest.MonkeyPatch.context() as patch:
        for room in ("experiments", "theory"):
            patch.setitem(sys.modules, room, _package(folder / room))
        return build_page(folder / "figures")


def _package(folder: Path) -> object:
    spec = importlib.util.spec_from_file_location(folder.name, folder / "__init__.py")
    return importlib.util.module_from_spec(spec)


@pytest.fixture
def figures(tmp_path: Path) -> Path:
    return make_project(tmp_path)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("project")
    make_project(folder)
    return build(folder)


@pytest.fixture(scope="module")
def documents(written: list[Path]) -> dict[Path, Document]:
    return {path: Document(path) for path in written if path.suffix == ".html"}


class Document(HTMLParser):
    """A parsed page; raises where tags are not properly nested."""

    VOID = frozenset({"meta", "link", "img", "input", "br", "hr", "mspace"})

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.prose = ""
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data):
        if not {"pre", "code", "style", "script"} & set(self._open):
            self.prose += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def ids(self) -> list[str | None]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


def test_index_ledger_and_a_page_per_measured_paper_are_written(written):
    figures = written[0].parent
    names = [path.relative_to(figures).as_posix() for path in written]
    assert names == ["claims.json", "index.html", "games/coin.html", "rules/all_rules.html"]
    assert all(path.stat().st_size for path in written)


def test_ledger_of_all_papers_holds_every_row(figures):
    build(figures.parent)
    rows = [
        *read_ledger(figures / "games/coin.json"),
        *read_ledger(figures / "rules/all_rules.json"),
    ]
    assert read_ledger(figures / "claims.json") == rows


def test_same_evidence_gives_the_same_bytes(figures):
    before = [path.read_bytes() for path in build(figures.parent)]
    assert [path.read_bytes() for path in build(figures.parent)] == before


def test_tags_nest_and_ids_are_unique(documents):
    for document in documents.values():
        assert len(document.ids) == len(set(document.ids))
        assert document.named("html") == [{"lang": "en"}]
        assert len(document.named("h1")) == len(document.named("main")) == 1


def test_every_formula_is_mathml(documents):
    for path, document in documents.items():
        assert not {"$", "\\"} & set(document.prose), path
    formulas = {path.stem: len(d.named("math")) for path, d in documents.items()}
    # Story, parameter; statement and control of each claim.
    assert formulas["all_rules"] == 4 + 1 + 2 * len(EVIDENCE) + 1
    assert formulas["index"] > 1


def test_links_lead_somewhere(documents):
    for path, document in documents.items():
        targets = [a[key] for _, a in document.elements for key in ("href", "src") if a.get(key)]
        assert len(targets) > 3
        for target in targets:
            parts = urlsplit(target)
            if parts.scheme == "data":
                continue
            assert not parts.scheme
            file = path.parent / unquote(parts.path) if parts.path else path
            assert file.exists(), target
            if parts.fragment:
                assert parts.fragment in documents[file].ids


def test_nothing_is_fetched(documents):
    for path in documents:
        text = path.read_text(encoding="utf-8")
        assert "http://" not in text
        assert "https://" not in text
        assert "@import" not in text
        assert "url(" not in text


def test_pictures_have_sizes_and_words(documents):
    for document in documents.values():
        for picture in document.named("img"):
            assert (picture["width"], picture["height"]) == ("432.0", "288.0")
            assert "alt" in picture
        assert all(strip["aria-label"] for strip in document.named("svg"))


def test_text_of_a_paper_is_escaped(figures):
    ledger = figures / "games/coin.json"
    rows = read_ledger(ledger)
    evil = "<script>alert(1)</script> & <b>"
    fields = {"statement": evil, "source": evil, "device": evil, "config": {evil: evil}}
    controls = [dataclasses.replace(rows[0].controls[0], because=evil, changes={evil: evil})]
    write_ledger(ledger, [dataclasses.replace(rows[0], controls=controls, **fields)])
    document = Document(build(figures.parent)[2])
    assert not document.named("script")
    assert not document.named("b")
    assert document.prose.count("<script>alert(1)</script> & <b>") >= 5


def test_a_paper_tells_its_story_and_evidence(documents):
    texts = {path.stem: " ".join(d.prose.split()) for path, d in documents.items()}
    coin = texts["coin"]
    for words in (
        "A coin is fair",
        "The smallest experiment that has everything",
        "refuted, as expected",
        "Would notice an error of",
        "Why it does not hold",
        "2 000 independent repetitions, measured in 1.2 s",
        "at most 10−5",
        "256 MiB",
    ):
        assert words in coin, words
    assert "20 instead of 10" in coin
    assert "Neurons" in texts["all_rules"]
    assert "at the small end" in texts["all_rules"]


def test_what_is_not_measured_is_listed_and_leftovers_are_not(figures):
    write_ledger(figures / "games/removed.json", [row("games/removed", "x", EVIDENCE["equals"])])
    written = build(figures.parent)
    assert not (figures / "games/removed.html").exists()
    assert "removed" not in (figures / "index.html").read_text(encoding="utf-8")
    assert "Still to come" in Document(written[1]).prose
    assert "2 of 3" in Document(written[1]).prose


def test_nothing_measured_yet_is_a_page_too(figures):
    for ledger in figures.glob("*/*.json"):
        ledger.unlink()
    written = build(figures.parent)
    assert [path.name for path in written] == ["claims.json", "index.html"]
    assert "Not measured yet" in Document(written[1]).prose


def test_a_verdict_that_was_not_expected_is_shouted(figures):
    ledger = figures / "games/coin.json"
    rows = read_ledger(ledger)
    write_ledger(ledger, [dataclasses.replace(rows[0], expected=Verdict.REFUTED)])
    written = build(figures.parent)
    assert "1 not as expected" in Document(written[1]).prose
    assert "coin_is_fair is supported, expected refuted" in Document(written[2]).prose
    assert "supported, but expected to be refuted" in Document(written[2]).prose


def test_every_rule_is_explained():
    rules = {
        name.replace("_", " ")
        for name, function in inspect.getmembers(decisions, inspect.isfunction)
        if function.__module__ == decisions.__name__ and not name.startswith("_")
    }
    assert set(RULES) == set(EVIDENCE) == rules


def test_a_formula_that_cannot_be_typeset_is_named():
    with pytest.raises(BadInput, match=r"cannot typeset \$\\nonsense x\$"):
        prose(r"So $\nonsense x$ holds.")


def test_display_maths_within_a_paragraph_stays_within_it():
    assert "<div" not in prose(r"As $$x=1$$ says.")
    assert 'display="block"' in prose(r"As $$x=1$$ says.")


@pytest.mark.parametrize("picture", ["", "<svg", "<svg/>", '<svg viewBox="a b c d"/>'])
def test_a_damaged_picture_is_named(figures, picture):
    (figures / "games/coin.svg").write_text(picture)
    with pytest.raises(BadInput, match=r"coin\.svg is no picture"):
        build(figures.parent)


def test_the_page_needs_no_jax():
    code = "import sys, harness.page; print('jax' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (number(0.0), "0"),
        (number(0.5), "0.5"),
        (number(-1234.5678), "−1235"),
        (number(0.012345, 3), "0.0123"),
        (number(1e-5), "10<sup>−5</sup>"),
        (number(-2.5e17), "−2.5×10<sup>17</sup>"),
        (number(math.inf), "∞"),
        (percent(0.031), "3.1%"),
        (percent(1.2), "120%"),
        (percent(2e-12), "1 part in 5×10<sup>11</sup>"),
        (value(10**18), "10<sup>18</sup>"),
        (value(4000), "4\u202f000"),
        (value(True), "True"),
        (value([1, 0.5]), "1, 0.5"),
        (value(((2, 3), (4, 1))), "(2, 3), (4, 1)"),
        (value(None), "none"),
        (value("<"), "&lt;"),
        (duration(0.001), "under 10 ms"),
        (duration(3.14), "3.1 s"),
        (duration(600), "10 min"),
    ],
)
def test_numbers_read_well(shown, text):
    assert shown == text


@pytest.mark.parametrize("rule", EVIDENCE)
def test_pictures_agree_with_the_verdict(rule):
    points = page._points(row("a/b", "c", EVIDENCE[rule]), rule)
    verdicts = {point.strip.verdict for point in points}
    worst = [v for v in (Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED) if v in verdicts]
    assert worst[0] is EVIDENCE[rule].verdict
    for point in points:
        places = dataclasses.asdict(point.strip)
        assert all(0 <= places[end] <= 100 for end in ("measured", "lower", "upper", "low", "high"))


def test_numbers_that_differ_look_different():
    evidence = decisions.equals(1000.3 + 0.001 * UNIFORM[:, 0], 1000.3, margin=0.01)
    (point,) = page._points(row("a/b", "c", evidence), "equals")
    assert len({point.interval, point.allowed, point.measured}) == 3
    (point,) = page._points(row("a/b", "c", EVIDENCE["identity"]), "identity")
    assert point.allowed == "1 − 10<sup>−12</sup> to 1 + 10<sup>−12</sup>"


def test_a_lesson_is_shown_with_its_paper(tmp_path):
    figures = make_project(tmp_path)
    (tmp_path / "lessons").mkdir()
    text = (
        "# %% [markdown]\n# # A first toss, $p<1$\n#\n# What a coin does.\n\n"
        "# %%\nfrom experiments.games import coin\n\n"
        '# %% [markdown]\n# ### Solution\n#\n# A <half>.\n\n# %%\nprint("<b>")\n'
    )
    (tmp_path / "lessons" / "toss.py").write_text(text)
    book = jupytext.reads(text, fmt="py:percent")
    shown = {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>"}, "metadata": {}}
    said = {"output_type": "stream", "name": "stdout", "text": "<b>\n"}
    book.cells[1].outputs = [nbformat.from_dict(shown)]
    book.cells[3].outputs = [nbformat.from_dict(said)]
    (figures / "lessons").mkdir()
    (figures / "lessons" / "toss.ipynb").write_text(nbformat.writes(book))
    written = build(tmp_path)
    page = figures / "lessons" / "toss.html"
    assert page in written
    html = page.read_text()
    assert "<h1>A first toss, <span" in html
    assert '<img src="data:image/svg+xml;base64,' in html
    solution = re.search(r"<details>\s*<summary>Solution</summary>(.*?)</details>", html, re.S)
    assert "A &lt;half&gt;." in solution[1]
    assert "&lt;b&gt;" in solution[1]
    assert "<b>" not in html
    paper = (figures / "games" / "coin.html").read_text()
    assert '<a href="../lessons/toss.html">A first toss, <span' in paper
    index = (figures / "index.html").read_text()
    assert '<a href="lessons/toss.html">A first toss, <span' in index
    assert "What a coin does." in index
