"""The learner's copies: new ones arrive, unedited ones follow the course, and nothing is ever lost."""

import json
import os
from datetime import date

import pytest

from cbam_course import home
from cbam_course.workspace import find_course, reset, sync

NAME = "03_gates_exercise.ipynb"


def notebook(*sources, ran=False):
    """A notebook as Jupyter saves it; ``ran`` adds what running and saving it changes."""
    cells = [{"cell_type": "code", "source": [source], "metadata": {}, "outputs": []} for source in sources]
    if ran:
        for number, cell in enumerate(cells, 1):
            cell.update(execution_count=number, id=f"id{number}", outputs=[{"text": str(number)}])
        cells.append({"cell_type": "code", "source": "", "metadata": {}, "outputs": []})
    return json.dumps({"cells": cells, "metadata": {"kernelspec": {"name": "x"}} if ran else {}})


@pytest.fixture
def course(tmp_path):
    """A course with one exercise, synced once."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "exercises").mkdir()
    publish(tmp_path, notebook("version 1"))
    assert sync(tmp_path) == [f"work/{NAME} is new."]
    return tmp_path


def publish(root, text, name=NAME):
    (root / "exercises" / name).write_text(text)


def write(root, text, name=NAME):
    (root / "work" / name).write_text(text)


def read(root, name=NAME):
    return (root / "work" / name).read_text()


def files(root):
    return sorted(path.name for path in (root / "work").iterdir() if not path.name.startswith(".versions"))


def test_a_second_sync_has_nothing_to_say(course):
    assert sync(course) == []
    assert files(course) == [NAME]
    assert read(course) == notebook("version 1")


def test_a_new_exercise_is_added_beside_the_others(course):
    publish(course, notebook("next"), "04_maps_exercise.ipynb")
    assert sync(course) == ["work/04_maps_exercise.ipynb is new."]


@pytest.mark.parametrize("ran", [False, True])
def test_an_unedited_copy_follows_the_course_even_if_it_was_run_and_saved(course, ran):
    write(course, notebook("version 1", ran=ran))
    publish(course, notebook("version 2"))
    assert sync(course) == [f"work/{NAME} was unedited and is now the new version."]
    assert read(course) == notebook("version 2")
    assert files(course) == [NAME]


def test_an_edited_copy_stays_and_the_new_version_comes_beside_it_once(course):
    write(course, notebook("mine"))
    assert sync(course) == []
    publish(course, notebook("version 2"))
    new = f"03_gates_exercise.new-{date.today().isoformat()}.ipynb"
    assert sync(course) == [
        f"work/{NAME} has your edits and stays as it is; the course's new version is work/{new}."
    ]
    assert sync(course) == []
    assert read(course) == notebook("mine")
    assert read(course, new) == notebook("version 2")
    (course / "work" / new).unlink()
    assert sync(course) == []  # they looked at it and threw it away
    publish(course, notebook("version 3"))
    assert len(sync(course)) == 1


def test_two_new_versions_on_one_day_get_names_of_their_own(course):
    write(course, notebook("mine"))
    for version in ("version 2", "version 3"):
        publish(course, notebook(version))
        sync(course)
    first, second = [name for name in files(course) if ".new-" in name]
    assert {read(course, first), read(course, second)} == {notebook("version 2"), notebook("version 3")}


def test_a_new_version_that_is_already_there_is_not_written_again(course):
    write(course, notebook("mine"))
    publish(course, notebook("version 2"))
    sync(course)
    (new,) = [name for name in files(course) if ".new-" in name]
    write(course, notebook("version 2", ran=True), new)
    (course / "work" / ".versions.json").unlink()
    sync(course)
    assert read(course, new) == notebook("version 2", ran=True)
    assert files(course) == sorted([NAME, new])


def test_taking_over_the_new_version_makes_the_copy_follow_again(course):
    write(course, notebook("mine"))
    publish(course, notebook("version 2"))
    sync(course)
    write(course, notebook("version 2"))
    sync(course)
    publish(course, notebook("version 3"))
    assert "is now the new version" in sync(course)[0]


@pytest.mark.parametrize("edit", ["deleted", "renamed"])
def test_what_was_deleted_or_renamed_stays_so_until_a_reset(course, edit):
    copy = course / "work" / NAME
    copy.unlink() if edit == "deleted" else copy.rename(course / "work" / "my own.ipynb")
    publish(course, notebook("version 2"))
    assert sync(course) == [f"work/{NAME} was deleted or renamed and stays so; reset 03 brings it back."]
    assert NAME not in files(course)
    if edit == "renamed":
        assert read(course, "my own.ipynb") == notebook("version 1")
    assert reset(3, course) == [f"work/{NAME} is a fresh copy."]
    assert read(course) == notebook("version 2")


@pytest.mark.parametrize("damaged", ["not a notebook", '{"cells": 3}', ""])
def test_a_damaged_copy_is_left_alone(course, damaged):
    write(course, damaged)
    publish(course, notebook("version 2"))
    sync(course)
    assert read(course) == damaged


@pytest.mark.parametrize("note", [None, "[1, 2]", "{torn"])
def test_without_its_note_sync_overwrites_nothing(course, note):
    write(course, notebook("mine"))
    (course / "work" / ".versions.json").unlink()
    if note:
        (course / "work" / ".versions.json").write_text(note)
    publish(course, notebook("version 2"))
    assert "stays as it is" in sync(course)[0]
    assert read(course) == notebook("mine")


@pytest.mark.parametrize("mine", ["version 1", "mine"])
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("when", ["before the rename", "after the rename"])
def test_killed_at_any_moment_nothing_is_lost_and_the_next_sync_finishes(
    course, monkeypatch, mine, step, when
):
    write(course, notebook(mine))
    publish(course, notebook("version 2"))
    rename, calls = os.replace, []

    def killed(source, target):
        calls.append(target)
        if len(calls) == step and when == "before the rename":
            raise KeyboardInterrupt
        rename(source, target)
        if len(calls) == step:
            raise KeyboardInterrupt

    monkeypatch.setattr(home.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        sync(course)
    monkeypatch.setattr(home.os, "replace", rename)
    sync(course)
    assert sync(course) == []
    expected = {notebook("version 2")} | ({notebook("mine")} if mine == "mine" else set())
    assert sorted(read(course, name) for name in files(course)) == sorted(expected)


def test_a_full_disk_changes_nothing_and_says_so(course, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    publish(course, notebook("version 2"))
    monkeypatch.setattr(home.os, "replace", full)
    assert sync(course) == [f"work/{NAME} is as it was: writing failed (No space left on device)."]
    assert read(course) == notebook("version 1")
    assert files(course) == [NAME]


def test_reset_keeps_the_old_copy_under_a_dated_name(course):
    write(course, notebook("mine"))
    kept = f"03_gates_exercise.kept-{date.today().isoformat()}"
    assert reset("3", course) == [f"work/{NAME} is a fresh copy; yours is now work/{kept}.ipynb."]
    write(course, notebook("mine again"))
    reset("03", course)
    assert read(course) == notebook("version 1")
    assert read(course, f"{kept}.ipynb") == notebook("mine")
    assert read(course, f"{kept}-2.ipynb") == notebook("mine again")


def test_reset_refuses_a_number_that_is_not_there(course):
    with pytest.raises(ValueError, match="number is '7'; give the number of an exercise: 03"):
        reset("7", course)


def test_the_course_is_found_from_inside_and_not_from_outside(course, tmp_path_factory, monkeypatch):
    assert find_course(course / "work") == course
    monkeypatch.chdir(course / "exercises")
    assert find_course() == course
    with pytest.raises(FileNotFoundError, match="is not inside the course; go to the folder"):
        find_course(tmp_path_factory.mktemp("elsewhere"))
