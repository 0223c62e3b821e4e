"""A new task begins as a small one that works, in its four places, tried in a copy of the repository."""

import ast
import re
import shutil
import tomllib
from pathlib import Path

import pytest
import torch
from new_task import STUBS, write_task

from cbam_course.checks.report import Find
from cbam_course.checks.tasks import Task, texts

ROOT = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path):
    for folder in ("authoring", "cbam_course/lessons", "tests/answers"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "cbam_course" / "checks").mkdir()
    shutil.copy(ROOT / "cbam_course/checks/texts.toml", tmp_path / "cbam_course/checks/texts.toml")
    return tmp_path


@pytest.mark.parametrize("kind", STUBS)
def test_the_stubs_are_complete_and_can_be_read(copy, kind):
    exercise, examiner, words, answers = write_task(copy, "03", "my-new-task", kind)
    assert 'check("my-new-task"' in exercise.read_text(encoding="utf-8")
    names = {
        node.name for node in ast.parse(examiner.read_text(encoding="utf-8")).body if hasattr(node, "name")
    }
    assert "my_new_task" in names
    entry = tomllib.loads(words.read_text(encoding="utf-8"))["tasks"]["my-new-task"]
    assert entry["kind"] == kind
    assert len(set(entry["hints"])) == 3
    assert 'RIGHT["my-new-task"]' in answers.read_text(encoding="utf-8")
    ast.parse(answers.read_text(encoding="utf-8"))
    ast.parse(exercise.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", STUBS)
def test_the_cells_stand_where_they_belong_and_the_check_alone(copy, kind):
    exercise, *_ = write_task(copy, "03", "my-new-task", kind)
    cells = exercise.read_text(encoding="utf-8").split("# %%")
    heading = next(number for number, cell in enumerate(cells) if "My new task" in cell)
    assert " [markdown]\n# ### Task 8 · My new task (difficulty 1 of 5, 5 min)\n" in cells[heading]
    assert cells[heading + 2].strip().startswith('check("my-new-task", ')
    assert "### To think about" in cells[heading + 3]


@pytest.mark.parametrize("kind", STUBS)
def test_the_examiner_that_is_written_tells_its_right_answers_from_its_wrong_one(copy, kind):
    _, examiner, words, answers = write_task(copy, "03", "my-new-task", kind)
    begun = examiner.read_text(encoding="utf-8").partition("# my-new-task")[2]
    names = {"torch": torch, "Find": Find, "RIGHT": {}, "WRONG": {}}
    exec(begun, names)
    exec(answers.read_text(encoding="utf-8").partition("# my-new-task")[2], names)
    entry = tomllib.loads(words.read_text(encoding="utf-8"))["tasks"]["my-new-task"]

    def mistake(answer):
        told = entry["mistakes"] | texts()["mistakes"]
        find = Find(Task("my-new-task", "03", "", "", kind, (), entry["properties"], told))
        names["my_new_task"](answer, find)
        (finding,) = find.findings
        return finding.holds, finding.mistake

    assert [mistake(answer) for answer in names["RIGHT"]["my-new-task"]] == [(True, None)] * 2
    assert [mistake(answer) for answer in names["WRONG"]["my-new-task"]["todo-mistake"]] == [
        (False, "todo-mistake")
    ]


def test_no_task_of_the_course_was_left_half_written():
    places = [*(ROOT / "authoring").glob("*.py"), *(ROOT / "cbam_course" / "lessons").iterdir()]
    places += (ROOT / "tests" / "answers").glob("*.py")
    found = {path.name: path.read_text(encoding="utf-8") for path in places if path.is_file()}
    assert len(found) > 30
    assert not [name for name, text in found.items() if re.search(r"TODO|todo-mistake", text)]


@pytest.mark.parametrize(
    ("lesson", "task", "why"),
    [("03", "My Task", "no id"), ("99", "my-task", "no exercise"), ("03", "cbam", "in use")],
)
def test_what_cannot_be_begun_is_refused_and_nothing_is_written(copy, lesson, task, why):
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=why):
        write_task(copy, lesson, task, "function")
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
