"""Lessons are run, parted and shown; what fails says so."""

import json
import re

import pytest

from harness import lessons
from harness.errors import BadInput
from harness.lessons import Lesson, LessonFailed, Output, execute, passages

TEXT = r"""# %% [markdown]
# # A coin, $p<1$
#
# It is tossed,
# and lands.
#
# Then it is picked up.

# %%
import matplotlib.pyplot as plt
from experiments.games import coin
from experiments.games.penny import Config
import theory.games.coin

# %% [markdown]
# ### Solution
#
# One half.

# %%
print("<b>")

# %% [markdown]
# ## After it
"""
LESSON = Lesson("coins", TEXT)
RUNNABLE = """# %% [markdown]
# # Figures

# %%
import matplotlib.pyplot as plt
from harness.style import use_in_notebook

use_in_notebook()
figure, axes = plt.subplots(figsize=(2, 1))

# %%
print("one")
1 + 1
"""


def test_what_a_script_says_of_itself():
    assert LESSON.title == "A coin, $p<1$"
    assert LESSON.summary == "It is tossed, and lands."
    assert LESSON.papers == ["games/coin", "games/penny"]


def test_a_script_without_a_title_is_refused():
    with pytest.raises(BadInput, match="coins must begin with its title"):
        _ = Lesson("coins", "# %%\n1").title


def test_an_unknown_lesson_is_refused():
    with pytest.raises(BadInput, match="no lesson called 'nothing'"):
        lessons.read("nothing")


def test_a_lesson_is_run_and_keeps_what_it_shows():
    notebook = execute(Lesson("figures", RUNNABLE))
    assert notebook == execute(Lesson("figures", RUNNABLE))
    [passage] = passages(notebook)
    assert [cell.kind for cell in passage.cells] == ["markdown", "code", "code"]
    [picture] = passage.cells[1].outputs
    assert picture.kind == "picture"
    assert "<svg" in picture.content
    assert "dc:date" not in picture.content
    assert passage.cells[2].outputs == [Output("text", "one\n"), Output("text", "2")]


def test_a_failing_cell_is_named():
    with pytest.raises(LessonFailed, match="ZeroDivisionError: division by zero") as failure:
        execute(Lesson("wrong", "# %%\nprint(1)\n\n# %%\nhere = 1 / 0\n"))
    assert "here = 1 / 0" in str(failure.value)
    assert "\x1b" not in str(failure.value)


def notebook(text: str, *outputs: dict) -> str:
    """The lesson as a notebook, unrun, with outputs of its last cell of code."""
    import jupytext
    import nbformat

    book = jupytext.reads(text, fmt="py:percent")
    [*_, last] = [cell for cell in book.cells if cell.cell_type == "code"]
    last.outputs = [nbformat.from_dict(output) for output in outputs]
    return nbformat.writes(book)


def test_a_solution_ends_at_the_next_heading():
    parts = passages(notebook(TEXT))
    assert [part.is_solution for part in parts] == [False, True, False]
    assert [cell.source for cell in parts[1].cells] == ["One half.", 'print("<b>")']
    assert parts[2].cells[0].source == "## After it"


def test_what_the_page_cannot_show_is_refused():
    unknown = {"output_type": "display_data", "data": {"image/png": ""}, "metadata": {}}
    with pytest.raises(BadInput, match="image/png"):
        passages(notebook(TEXT, unknown))


# ------------------------------------------------------------------------------- in a project


@pytest.mark.xdist_group("builds")
def test_a_lesson_is_a_task_of_its_own(built):
    def made() -> list[str]:
        done = built.run("build", "--size", "ci")
        assert done.returncode == 0, done.stderr
        return re.findall(r"^(.*): done in", done.stderr, re.MULTILINE)

    folder = built.root / "lessons"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""Lessons."""\n')
    lesson = folder / "tossing.py"
    lesson.write_text(
        "# %% [markdown]\n# # Tossing\n\n# %%\nfrom theory.games import coin\n\n"
        "print(coin.__name__)\n"
    )
    assert made() == ["teach tossing", "page"]
    kept = json.loads((built.root / "figures/lessons/tossing.ipynb").read_text())
    assert kept["cells"][1]["outputs"][0]["text"] == ["theory.games.coin\n"]
    assert made() == []
    built.edit("theory/games/penny.py", "0.5 + bias", "bias + 0.5")
    assert "teach tossing" not in made()
    # Its text counts, to the letter.
    built.edit("lessons/tossing.py", "# # Tossing", "# # Throwing")
    assert made() == ["teach tossing", "page"]
    built.edit("lessons/tossing.py", "print(coin.__name__)", "assert coin is None")
    failed = built.run("build", "--size", "ci")
    assert failed.returncode == 1
    assert "teach tossing failed: " in failed.stderr
    assert "assert coin is None" in failed.stderr
    assert (built.root / "figures/index.html").exists()
    unknown, wrong = built.run("teach", "nothing"), built.run("teach", "tossing")
    assert (unknown.returncode, wrong.returncode) == (2, 1)
    assert unknown.stderr == "error: no lesson called 'nothing'; there are: tossing\n"
