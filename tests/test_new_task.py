"""A new task begins with stubs in its four places, tried in a copy of the repository."""

import ast
import shutil
import tomllib
from pathlib import Path

import pytest
from new_task import STUBS, write_task

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


@pytest.mark.parametrize(
    ("lesson", "task", "why"),
    [("03", "My Task", "no id"), ("99", "my-task", "no exercise"), ("03", "cbam", "in use")],
)
def test_what_cannot_be_begun_is_refused_and_nothing_is_written(copy, lesson, task, why):
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=why):
        write_task(copy, lesson, task, "function")
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
