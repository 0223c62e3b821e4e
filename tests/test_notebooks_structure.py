"""How a lesson is built: mostly prose, short code, and links that lead somewhere."""

import re
from itertools import pairwise
from pathlib import Path

import build_notebooks
import pytest

ROOT = Path(__file__).parent.parent
TARGETS = {f"{t.path.parent.name}/{t.path.name}": t for t in build_notebooks.targets(ROOT)}
LESSONS = [name for name in TARGETS if name.startswith("notebooks/")]
EXERCISES = [name for name in TARGETS if name.startswith("exercises/")]
START = "notebooks/00_start_here.ipynb"
LINK = re.compile(r"\]\(([^)#\s]+\.\w+)(?:#[^)]*)?\)")


def cells(name):
    return TARGETS[name].notebook.cells


def prose(name):
    return "\n".join(cell.source for cell in cells(name) if cell.cell_type == "markdown")


def links(text):
    return [link for link in LINK.findall(text) if "://" not in link]


@pytest.mark.parametrize("name", TARGETS)
def test_a_notebook_begins_with_its_number_and_title(name):
    number = Path(name).name.split("_")[0]
    assert cells(name)[0].cell_type == "markdown"
    assert re.match(rf"# {number} · \S", cells(name)[0].source)


@pytest.mark.parametrize("name", LESSONS)
def test_code_cells_are_short(name):
    too_long = [cell.source for cell in cells(name) if cell.cell_type == "code" and _lines(cell) > 20]
    assert not too_long


def _lines(cell):
    return len([line for line in cell.source.splitlines() if line.strip()])


@pytest.mark.parametrize("name", LESSONS)
def test_never_more_than_two_code_cells_in_a_row(name):
    kinds = "".join(cell.cell_type[0] for cell in cells(name))
    assert "ccc" not in kinds


@pytest.mark.parametrize("name", LESSONS)
def test_more_than_half_of_a_lesson_is_prose(name):
    words = len(re.findall(r"\w+", prose(name)))
    code = len(re.findall(r"\w+", "\n".join(c.source for c in cells(name) if c.cell_type == "code")))
    most = 0.95 if name == START else 0.85  # the first lesson explains the course itself
    assert 0.55 <= words / (words + code) <= most, f"{words} words of prose, {code} of code"


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_short_before_its_three_questions(name):
    """Words and numbers as they are read: no markup, no addresses of links."""
    text, questions, _ = prose(name).partition("## Three questions")
    words = re.findall(r"[^\W_][\w'’.,−×–]*", re.sub(r"\]\([^)]*\)", "]", text))
    assert questions or "06b" in name
    assert len(words) <= 2200, f"{len(words)} words"


@pytest.mark.parametrize("name", [name for name in LESSONS if name != START])
def test_a_lesson_has_its_parts(name):
    text = prose(name)
    for part in ("**You will be able to**", "**Time**", "**Before this**", "**Predict", "## Sources"):
        assert part in text, f"{part} is missing"
    assert text.count("<details>") >= 3, "three questions with folded answers"


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_ends_with_links_to_its_exercise_in_both_places_and_to_the_next_lesson(name):
    last, exercise = links(cells(name)[-1].source), f"{Path(name).stem}_exercise.ipynb"
    if f"exercises/{exercise}" in TARGETS:
        assert {f"../work/{exercise}", f"../exercises/{exercise}"} <= set(last)
    assert {"../GLOSSARY.md", *_next(name)} <= set(last)


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_links_to_its_lesson_the_next_one_and_the_glossary_at_both_ends(name):
    lesson = Path(name).name.replace("_exercise", "")
    back = {f"../notebooks/{lesson}", "../GLOSSARY.md"}
    assert back <= set(links(cells(name)[0].source))
    assert back | {f"../notebooks/{after}" for after in _next(f"notebooks/{lesson}")} <= set(
        links(cells(name)[-1].source)
    )


def _next(lesson):
    """The lesson that follows; the way leads past optional ones, whose number ends in a letter."""
    following = [name for name in LESSONS if name > lesson and re.match(r"notebooks/\d+_", name)]
    return [Path(name).name for name in following[:1]]


@pytest.mark.parametrize("path", sorted((ROOT / "authoring").glob("*.py")), ids=lambda path: path.stem)
def test_no_source_holds_by_hand_what_the_build_adds(path):
    text = path.read_text(encoding="utf-8")
    assert "../work/" not in text
    assert not re.findall(r"\b\w+ tasks, (?:about )?\d+ minutes", text)


@pytest.mark.parametrize("name", TARGETS)
def test_links_lead_to_files_that_exist(name):
    folder = (ROOT / name).parent
    missing = [link for link in links(prose(name)) if not _target(folder, link).exists()]
    assert not missing


def _target(folder, link):
    # A learner's copy in work/ is made from the exercise of the same name.
    return (folder / link.replace("../work/", "../exercises/")).resolve()


@pytest.mark.parametrize("name", EXERCISES)
def test_every_check_stands_alone_in_its_cell_so_that_its_report_is_shown(name):
    checks = [cell.source for cell in cells(name) if re.search(r"^check\(", cell.source, re.MULTILINE)]
    assert checks
    assert all(source.strip().splitlines()[-1].startswith(("check(", ")")) for source in checks)


@pytest.mark.parametrize("name", LESSONS)
def test_headings_go_down_one_level_at_a_time(name):
    levels = [len(marks) for marks in re.findall(r"^(#+) ", prose(name), re.MULTILINE)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
