"""Every lesson runs from top to bottom, its assertions hold, and it has the parts of a lesson."""

import re

import pytest

from harness import discovery, lessons
from harness.page import prose

LESSONS = lessons.names()
PARTS = ["The idea", "A prediction to make by hand", "The experiment", "Break it", "Exercises"]


def test_every_flagship_has_its_lesson():
    assert LESSONS


@pytest.mark.parametrize("name", LESSONS)
def test_the_lesson_runs_and_shows_something(name):
    passages = lessons.passages(lessons.execute(lessons.read(name)))
    shown = [output.kind for part in passages for cell in part.cells for output in cell.outputs]
    assert "picture" in shown
    assert "text" in shown
    assert sum(part.is_solution for part in passages) == 3
    for part in passages:
        assert part.cells
        assert all(prose(cell.source) for cell in part.cells if cell.kind == "markdown")


@pytest.mark.parametrize("name", LESSONS)
def test_the_lesson_is_whole(name):
    lesson = lessons.read(name)
    headings = re.findall(r"^# (##+) (.*)$", lesson.text, flags=re.MULTILINE)
    assert [text for marks, text in headings if marks == "##"] == PARTS
    exercises = [text for marks, text in headings if marks == "###"]
    assert exercises == [
        "Exercise 1",
        "Solution",
        "Exercise 2",
        "Solution",
        "Exercise 3",
        "Solution",
    ]
    assert lesson.title
    assert prose(lesson.summary)
    assert lesson.papers
    assert set(lesson.papers) <= set(discovery.papers())
    # What it teaches it also checks, in the experiment and where it is broken.
    assert lesson.text.count("\nassert ") >= 3
