"""Every claim of every paper, its controls and its figure, at ci size.

A paper's tests share one session, so that each measurement is made once; `xdist_group` keeps them
in one process.
"""

from functools import cache

import pytest
from matplotlib.figure import Figure

from harness import discovery, running
from harness.ledger import read_ledger, write_ledger
from harness.page import prose
from harness.style import as_svg, style

PAPERS = [pytest.param(p, marks=pytest.mark.xdist_group(p)) for p in discovery.papers()]


@cache
def session(paper: str) -> running.Session:
    return running.Session(discovery.load(paper))


@pytest.mark.parametrize("paper", PAPERS)
def test_every_claim_is_as_expected_and_every_control_turns(paper):
    rows = session(paper).rows()
    assert rows
    assert [complaint for row in rows for complaint in row.complaints] == []


@pytest.mark.parametrize("paper", PAPERS)
def test_the_evidence_is_kept(paper, tmp_path):
    path, rows = tmp_path / "evidence.json", session(paper).rows()
    write_ledger(path, rows)
    read = read_ledger(path)
    assert [row.claim for row in read] == [row.claim for row in rows]
    assert [row.config for row in read] == [row.config for row in rows]


@pytest.mark.parametrize("paper", PAPERS)
def test_the_figure_is_drawn(paper):
    run = session(paper)
    with style():
        figures = [run.experiment.draw(run.runs(), run.config) for _ in range(2)]
        assert as_svg(figures[0]) == as_svg(figures[1])
    for figure in figures:
        assert isinstance(figure, Figure)
        assert figure.axes
        assert all(axes.get_xlabel() and axes.get_ylabel() for axes in figure.axes)


@pytest.mark.parametrize("paper", PAPERS)
def test_every_statement_is_typeset(paper):
    experiment = discovery.load(paper)
    for text in (experiment.story, *(claim.statement for claim in experiment.claims)):
        assert prose(text)
