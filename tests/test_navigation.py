"""The way from notebook to notebook, and the numbers beside it, come from the list of lessons."""

import pytest
from colab_links import Published
from navigation import TABLE, UNSAID, add_navigation, purposes, read_lessons, with_numbers
from nbformat.v4 import new_markdown_cell

README = """\
An exercise notebook with one to nineteen tasks. In all the course takes about twenty hours.

| no. | lesson | afterwards you can | minutes: lesson + exercise | its cells run |
|---|---|---|---|---|
| 01 | [Old title](notebooks/01_one.ipynb) | count \\alpha | 1 + 1 | 1 s |

After it.
"""


@pytest.fixture
def course(tmp_path):
    """A course of three lessons, the second of which is optional and has no exercise."""
    sources = {
        "01_one": (
            "01 · One: the first",
            50,
            ["Task 1 · A (difficulty 1 of 5, 5 min)", "Task 2 · B (1, 58 min)"],
        ),
        "01b_more": ("01b · More? Yes", 10, []),
        "02_two": ("02 · Two", 90, ["Task 1 · C (difficulty 1 of 5, 30 min)"]),
    }
    for folder in ("authoring", "results"):
        (tmp_path / folder).mkdir()
    for stem, (title, minutes, tasks) in sources.items():
        text = f"# %% [markdown]\n# # {title}\n#\n# **Time** {minutes} minutes of reading.\n"
        (tmp_path / "authoring" / f"{stem}.py").write_text(text, encoding="utf-8")
        if tasks:
            text = "".join(f"# ### {task}\n#\n" for task in tasks)
            (tmp_path / "authoring" / f"{stem}_exercise.py").write_text(text, encoding="utf-8")
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    (tmp_path / "results" / "notebooks.csv").write_text("notebook,seconds\nnotebooks/01_one.ipynb,8.6\n")
    return tmp_path


def last(course, stem, place=None):
    return add_navigation([new_markdown_cell("# Title")], stem, course, place)[-1].source


def test_lessons_are_read_from_their_sources(course):
    one, more, two = read_lessons(course)
    assert (one.number, one.title, one.minutes, one.tasks, one.exercise_minutes) == ("01", "One", 50, 2, 65)
    assert (more.number, more.title, more.optional, more.tasks) == ("01b", "More?", True, 0)
    assert (two.optional, two.all_minutes) == (False, 120)


def test_a_lesson_ends_with_its_exercise_and_its_neighbours_each_link_with_its_place(course):
    assert last(course, "01_one") == (
        "## Now you\n\nTwo tasks, about 65 minutes:\n\n"
        "* on your computer: [your copy](../work/01_one_exercise.ipynb), which `make lab` or "
        "`python -m cbam_course sync` makes\n"
        "* on GitHub, to read: [the blank exercise](../exercises/01_one_exercise.ipynb)\n\n"
        "If you want more: [01b · More?](01b_more.ipynb). Next: [02 · Two](02_two.ipynb). "
        "Words and symbols: [glossary](../GLOSSARY.md)."
    )
    assert "Before: [01 · One](01_one.ipynb)." in last(course, "02_two"), (
        "the way leads past the optional lesson"
    )
    assert last(course, "01b_more").startswith("Before: [01 · One](01_one.ipynb). Next: [02 · Two]")


def test_an_exercise_begins_and_ends_with_the_way_back(course):
    cells = add_navigation([new_markdown_cell("# Title\n\nText")], "02_two_exercise", course)
    assert cells[0].source == (
        "# Title\n\nOne task, about 30 minutes. The lesson: [02 · Two](../notebooks/02_two.ipynb). "
        "Words and symbols: [glossary](../GLOSSARY.md).\n\nText"
    )
    assert cells[-1].source.startswith("Back to the lesson: [02 · Two](../notebooks/02_two.ipynb). Words")
    assert "Next: [02 · Two](../notebooks/02_two.ipynb)." in last(course, "01_one_exercise")


def test_a_published_course_has_links_that_work_in_colab(course):
    said = last(course, "01_one", Published("https://github.com/someone/course", "v1"))
    start = "https://colab.research.google.com/github/someone/course/blob/v1"
    assert f"* in Colab: [the exercise]({start}/exercises/01_one_exercise.ipynb)" in said
    assert f"Next: [02 · Two](02_two.ipynb) ([in Colab]({start}/notebooks/02_two.ipynb))." in said


def test_the_first_lesson_has_a_table_of_all_with_hours(course):
    cell = add_navigation([new_markdown_cell(f"# 01 · One\n\n{TABLE}\n\nText")], "01_one", course)[0]
    assert cell.source.endswith("About four hours in all, two of them for the exercises.\n\nText")
    assert "| 01 | One | count \\alpha | 2 |" in cell.source
    assert f"| 01b | [More?](01b_more.ipynb) (optional) | {UNSAID} | ¼ |" in cell.source


def test_readmes_numbers_are_replaced_and_its_words_kept(course):
    text = with_numbers(course)
    assert text.startswith(
        "An exercise notebook with one to two tasks. In all the course takes about four hours."
    )
    assert "| 01 | [One](notebooks/01_one.ipynb) | count \\alpha | 50 + 65 | 9 s |\n" in text
    assert f"| 01b | [More?](notebooks/01b_more.ipynb) (optional) | {UNSAID} | 10 + 0 | ? s |\n| 02 |" in text
    assert text.endswith(" s |\n\nAfter it.\n")
    (course / "README.md").write_text(text, encoding="utf-8")
    assert with_numbers(course) == text
    assert purposes(course)["01"] == "count \\alpha"


def test_a_sentence_of_readme_that_holds_a_number_is_missed_when_it_is_gone(course):
    (course / "README.md").write_text(README.replace("takes about", "needs"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"README\.md holds 0 places like .*takes about"):
        with_numbers(course)
