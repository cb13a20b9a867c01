"""The page: all evidence as static HTML, an index and one self-contained file per paper and lesson.

`build_page` reads what `measure`, `draw` and `teach` left in `figures/` and the sources, and writes
beside them. It imports no experiment: titles, stories and code are read from the sources. Styles
and the little script are inside each file, nothing is fetched, formulas are MathML, and all
is readable without JavaScript. The look is in `harness/templates/`.
"""

from __future__ import annotations

import ast
import base64
import importlib.resources
import inspect
import itertools
import math
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from math_core import LatexError, LatexToMathML
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from harness import lessons
from harness.decisions import Comparison, Verdict
from harness.errors import BadInput
from harness.ledger import Numbers, Row, read_ledger, write_ledger, write_text
from harness.lessons import Lesson, Passage

RULES: Mapping[str, str] = {
    "identity": "Every repetition must equal the prediction up to rounding. The worst entry is "
    "shown. No chance is involved, so the interval is the value itself.",
    "counts": "Every repetition must be exactly the predicted integer. The worst entry is shown. "
    "No chance is involved, so the interval is the value itself.",
    "at most": "The mean over the repetitions must lie at or below the prediction. The interval "
    "is Student's, for a mean.",
    "at least": "The mean over the repetitions must lie at or above the prediction. The interval "
    "is Student's, for a mean.",
    "equals": "The mean over the repetitions must lie within a margin of the prediction; the "
    "margin is the theory's own error term. The interval is Student's, for a mean.",
    "frequency": "The share of trials in which the event happens must lie within a margin of the "
    "predicted probability. The interval is Clopper and Pearson's, exact for counts.",
    "frequency at most": "The share of trials in which the event happens must lie at or below the "
    "prediction. The interval is Clopper and Pearson's, exact for counts.",
    "frequency at least": "The share of trials in which the event happens must lie at or above "
    "the prediction. The interval is Clopper and Pearson's, exact for counts.",
    "scales as": "A power law is a straight line in log-log axes: its slope must lie within a "
    "margin of the predicted exponent, and so must the slopes at both ends of the range, lest a "
    "bent curve pass for a line; their margin may be wider. The intervals are Student's.",
    "ordered": "In runs that differ in one thing only, the mean difference must be at least the "
    "predicted effect. The interval is Student's, for paired differences.",
    "distributed as": "The largest gap between the measured and the predicted distribution "
    "function must lie within a margin. The interval is that of Dvoretzky, Kiefer and Wolfowitz, "
    "which holds for any law.",
}
"""What each decision rule of `harness.decisions` does, for a reader who has not met it."""


def build_page(figures: Path) -> list[Path]:
    """Write `claims.json`, `index.html`, a page per measured paper and one per lesson.

    Args:
        figures: folder with `<topic>/<paper>.json` and, where drawn, `<topic>/<paper>.svg`, and
            with `lessons/<lesson>.ipynb` of lessons that have run. A paper without a ledger is
            listed as not measured yet; a ledger without a paper is a leftover and is not shown.

    Returns:
        The files written.

    Raises:
        BadInput: a ledger is damaged, a formula cannot be typeset, or a file cannot be written.
    """
    papers = _papers(figures)
    measured = [paper for paper in papers if paper.rows]
    ledger, index = figures / "claims.json", figures / "index.html"
    write_ledger(ledger, (row for paper in measured for row in paper.rows))
    taught = _lessons(figures)
    by_paper = {
        paper.name: [part for part in taught if paper.name in part.lesson.papers]
        for paper in measured
    }
    template = _environment().get_template
    write_text(index, template("index.html").render(papers=papers, lessons=taught, top=""))
    pages = []
    for before, paper, after in zip(
        [None, *measured], measured, [*measured[1:], None], strict=False
    ):
        page = figures / f"{paper.name}.html"
        beside = {"before": before, "after": after, "lessons": by_paper[paper.name]}
        write_text(page, template("paper.html").render(paper=paper, top="../", **beside))
        pages.append(page)
    for part in taught:
        page = figures / "lessons" / f"{part.lesson.name}.html"
        about = [paper for paper in measured if part in by_paper[paper.name]]
        write_text(page, template("lesson.html").render(taught=part, papers=about, top="../"))
        pages.append(page)
    return [ledger, index, *pages]


def prose(text: str) -> Markup:
    """Typeset light Markdown with dollar maths as HTML and MathML.

    Raises:
        BadInput: a formula that cannot be typeset.
    """
    return Markup(_MARKDOWN.render(text))


# ------------------------------------------------------------------------------------- papers


@dataclass(frozen=True)
class Drawing:
    """A figure's file name and natural size."""

    file: str
    width: float
    height: float


@dataclass(frozen=True)
class Source:
    """A module's text."""

    path: str
    text: str


@dataclass(frozen=True)
class Paper:
    """What the page shows of a paper: its sources, its evidence (if measured), its figure."""

    name: str
    experiment: Source
    theory: Source | None
    rows: list[Row]
    drawing: Drawing | None

    @property
    def topic(self) -> str:
        """The first half of the name."""
        return self.name.split("/")[0]

    @cached_property
    def _tree(self) -> ast.Module:
        return ast.parse(self.experiment.text)

    @cached_property
    def _docstring(self) -> str:
        return ast.get_docstring(self._tree) or self.name

    @property
    def title(self) -> str:
        """The docstring's first line."""
        return self._docstring.partition("\n")[0].rstrip(".")

    @property
    def story(self) -> str:
        """The docstring below its first line."""
        return self._docstring.partition("\n")[2].strip()

    @property
    def summary(self) -> str:
        """The story's first sentence."""
        return re.split(r"(?<=[.!?])\s+(?=[A-Z$])|\n\n", self.story, maxsplit=1)[0]

    @property
    def verdicts(self) -> Counter[str]:
        """How many claims came out how."""
        return Counter(row.verdict for row in self.rows)

    @property
    def complaints(self) -> list[str]:
        """What is not as it should be, over all claims."""
        return [complaint for row in self.rows for complaint in row.complaints]

    @property
    def parameters(self) -> dict[str, str]:
        """What the fields of the experiment's `Config` mean: the strings below them."""
        for node in self._tree.body:
            if isinstance(node, ast.ClassDef) and node.name == "Config":
                return {
                    field.target.id: inspect.cleandoc(below.value.value)
                    for field, below in itertools.pairwise(node.body)
                    if isinstance(field, ast.AnnAssign)
                    and isinstance(field.target, ast.Name)
                    and isinstance(below, ast.Expr)
                    and isinstance(below.value, ast.Constant)
                    and isinstance(below.value.value, str)
                }
        return {}

    def check(self, claim: str) -> Markup:
        """The claim's function, highlighted, with the line numbers it has in its file."""
        for node in self._tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == claim:
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                lines = self.experiment.text.splitlines()[first - 1 : node.end_lineno]
                return _code("\n".join(lines), first)
        return Markup("")


def _papers(figures: Path) -> list[Paper]:
    experiments, theory = (
        Path(str(importlib.resources.files(room))) for room in ("experiments", "theory")
    )
    found = []
    for path in sorted(experiments.glob("*/*.py")):
        if path.stem == "__init__":
            continue
        name = path.relative_to(experiments).with_suffix("").as_posix()
        ledger, beside = figures / f"{name}.json", theory / f"{name}.py"
        found.append(
            Paper(
                name=name,
                experiment=_source("experiments", name, path),
                theory=_source("theory", name, beside) if beside.exists() else None,
                rows=read_ledger(ledger) if ledger.exists() else [],
                drawing=_drawing(figures / f"{name}.svg"),
            )
        )
    return found


@dataclass(frozen=True)
class Taught:
    """A lesson that has run."""

    lesson: Lesson
    passages: list[Passage]


def _lessons(figures: Path) -> list[Taught]:
    found = []
    for name in lessons.names():
        notebook = figures / "lessons" / f"{name}.ipynb"
        if notebook.exists():
            passages = lessons.passages(notebook.read_text(encoding="utf-8"))
            found.append(Taught(lessons.read(name), passages))
    return found


def _source(room: str, name: str, path: Path) -> Source:
    return Source(f"{room}/{name}.py", path.read_text(encoding="utf-8"))


def _drawing(path: Path) -> Drawing | None:
    """The figure, its size read from the picture itself so that the page does not jump."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as file:
            _, svg = next(iter(ElementTree.iterparse(file, events=("start",))))
        _, _, width, height = map(float, svg.attrib["viewBox"].split())
    except (ElementTree.ParseError, StopIteration, KeyError, ValueError) as error:
        raise BadInput(f"{path} is no picture ({error}); delete it and run again") from error
    return Drawing(path.name, width, height)


# ------------------------------------------------------------------------------------- points


@dataclass(frozen=True)
class Strip:
    """Positions, in percent of the width, of an interval and of the region allowed."""

    measured: float
    predicted: float | None
    lower: float
    upper: float
    low: float
    high: float
    verdict: Verdict


@dataclass(frozen=True)
class Point:
    """One point of a comparison, ready to show."""

    label: str
    predicted: Markup
    measured: Markup
    interval: Markup
    allowed: Markup
    strip: Strip


def _points(numbers: Numbers, rule: str) -> list[Point]:
    columns = (
        numbers.predicted,
        numbers.measured,
        numbers.lower,
        numbers.upper,
        numbers.region_low,
        numbers.region_high,
    )
    names = numbers.points or [str(index + 1) for index in range(len(numbers.predicted))]
    return [_point(name, rule, *row) for name, *row in zip(names, *columns, strict=True)]


def _point(
    label: str,
    rule: str,
    predicted: float,
    measured: float,
    lower: float,
    upper: float,
    low: float,
    high: float,
) -> Point:
    ends = (lower, upper, low, high)
    digits = _digits(end for end in ends if not _close(end, predicted))

    def by_data(value: float, digits: int = digits) -> Markup:
        off = value - predicted
        if off == 0 or not _close(value, predicted):
            return number(value, digits)
        sign = "+" if off > 0 else "\N{MINUS SIGN}"
        return Markup("{} {} {}").format(number(predicted), sign, number(abs(off), 2))

    def by_theory(value: float) -> Markup:
        return by_data(value, max(digits, 4))

    return Point(
        label=label,
        # A distance between laws has no predicted value, only a largest one allowed.
        predicted=Markup("the law") if rule == "distributed as" else by_theory(predicted),
        measured=by_data(measured),
        interval=_range(lower, upper, by_data, "the value itself", "anything"),
        allowed=_range(low, high, by_theory, "the prediction itself", "anything"),
        strip=_strip(measured, lower, upper, low, high, predicted),
    )


def _close(value: float, predicted: float) -> bool:
    """Whether two numbers agree so well that only their difference is worth reading."""
    return abs(value - predicted) < 1e-6 * abs(predicted)


def _digits(values: Iterable[float]) -> int:
    """Digits enough to tell the ends of intervals apart, within what is pleasant to read."""
    finite = sorted({value for value in values if math.isfinite(value)})
    gaps = [above - below for below, above in itertools.pairwise(finite)]
    if not gaps:
        return 3
    return min(max(math.ceil(math.log10(max(-finite[0], finite[-1]) / min(gaps))) + 1, 3), 5)


def _strip(
    measured: float,
    lower: float,
    upper: float,
    low: float,
    high: float,
    predicted: float | None = None,
) -> Strip:
    """Place everything on a scale of its own, a little air on both sides."""
    finite = [
        value
        for value in (measured, lower, upper, low, high, predicted)
        if value is not None and math.isfinite(value)
    ]
    least, most = min(finite), max(finite)
    air = 0.15 * (most - least) or 1.0

    def place(value: float) -> float:
        share = (value - least + air) / (most - least + 2 * air)
        return round(100 * min(max(share, 0.0), 1.0), 2)

    one = Comparison(*(np.array([value]) for value in (measured, lower, upper, low, high)))
    return Strip(
        measured=place(measured),
        predicted=None if predicted is None else place(predicted),
        lower=place(lower),
        upper=place(upper),
        low=place(low),
        high=place(high),
        verdict=one.verdict,
    )


def _range(
    low: float, high: float, show: Callable[[float], Markup], single: str, unbounded: str
) -> Markup:
    """Words for the numbers between two ends."""
    if low == high:
        return Markup(escape(single))
    if math.isinf(low) and math.isinf(high):
        return Markup(escape(unbounded))
    if math.isinf(low):
        return Markup("at most {}").format(show(high))
    if math.isinf(high):
        return Markup("at least {}").format(show(low))
    return Markup("{} to {}").format(show(low), show(high))


# ------------------------------------------------------------------------------------ writing


def number(value: float, digits: int = 4) -> Markup:
    """A number with so many significant digits, in powers of ten where it is large or small."""
    if value == 0 or not math.isfinite(value):
        text = "0" if value == 0 else str(value).replace("inf", "\N{INFINITY}")
        return Markup(text.replace("-", "\N{MINUS SIGN}"))
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    exponent = int(power)
    if -4 < exponent < 6:
        plain = _trim(f"{value:.{max(digits - 1 - exponent, 0)}f}")
        return Markup(plain.replace("-", "\N{MINUS SIGN}"))
    factor = {"1": "", "-1": "-"}.get(_trim(mantissa), f"{_trim(mantissa)}\N{MULTIPLICATION SIGN}")
    raised = Markup("{}10<sup>{}</sup>").format(factor, exponent)
    return Markup(raised.replace("-", "\N{MINUS SIGN}"))


def percent(share: float) -> Markup:
    """A relative error in words."""
    if share < 1e-4:
        return Markup("1 part in {}").format(number(1 / share, 2))
    return Markup("{}%").format(number(100 * share, 2))


def value(entry: Any) -> Markup:
    """A parameter's value, as read from a ledger."""
    if isinstance(entry, bool | str):
        return escape(entry)
    if entry is None:
        return Markup("none")
    if isinstance(entry, int) and abs(entry) < 10**7:
        return Markup(f"{entry:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"))
    if isinstance(entry, int | float):
        return number(float(entry), 6)
    if isinstance(entry, list | tuple):
        return Markup(", ").join(
            Markup("({})").format(value(item)) if isinstance(item, list | tuple) else value(item)
            for item in entry
        )
    return escape(entry)


def duration(seconds: float) -> str:
    """A time that a person can grasp."""
    if seconds < 0.01:
        return "under 10 ms"
    if seconds < 99.5:
        return f"{seconds:.2g} s"
    return f"{round(seconds / 60)} min"


def readable(name: str) -> str:
    """An identifier as words."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def _trim(digits: str) -> str:
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _inline(text: str) -> Markup:
    """As `prose`, without a paragraph around it."""
    return Markup(_MARKDOWN.renderInline(text))


def _code(text: str, first_line: int | None = 1) -> Markup:
    lines = {} if first_line is None else {"linenos": "inline", "linenostart": first_line}
    formatter = HtmlFormatter(cssclass="code", **lines)
    return Markup(highlight(text, PythonLexer(), formatter))


def _inlined(svg: str) -> str:
    """A picture as an address: two of them may use the same ids."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _code_style(style: str) -> Markup:
    return Markup(HtmlFormatter(style=style).get_style_defs(".code"))


def _typeset(latex: str, options: Mapping[str, Any]) -> str:
    try:
        return _MATHS.convert_with_local_state(latex, displaystyle=options["display_mode"])
    except LatexError as error:
        raise BadInput(f"cannot typeset ${latex}$: {error}") from error


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.use(
        dollarmath_plugin,
        allow_labels=False,
        allow_digits=False,
        double_inline=True,
        renderer=_typeset,
    )

    def display_maths(renderer: Any, tokens: Any, index: int, *_: Any) -> str:
        return _typeset(tokens[index].content, {"display_mode": True})

    # The plugin puts a <div> inside the paragraph, which HTML does not allow.
    markdown.add_render_rule("math_inline_double", display_maths)
    return markdown


_MATHS = LatexToMathML(fancy_error=False)
_MARKDOWN = _markdown()


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("harness"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "code": _code,
        "inlined": _inlined,
        "duration": duration,
        "inline": _inline,
        "number": number,
        "percent": percent,
        "prose": prose,
        "readable": readable,
        "value": value,
    }
    environment.globals |= {
        "RULES": RULES,
        "inf": math.inf,
        "code_style": _code_style,
        "points": _points,
        "strip": _strip,
        "verdicts": [str(verdict) for verdict in Verdict],
    }
    return environment
