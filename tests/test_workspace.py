"""The learner's copies: new ones arrive, unedited ones follow the course, and nothing is ever lost."""

import contextlib
import json
import os
import re
import subprocess
import sys
from datetime import date

import pytest

from cbam_course import workspace
from cbam_course.workspace import find_course

NAME = "03_gates_exercise.ipynb"


def notebook(*sources, ran=False):
    """A notebook as Jupyter saves it; ``ran`` adds what running and saving it changes."""
    cells = [{"cell_type": "code", "source": [source], "metadata": {}, "outputs": []} for source in sources]
    if ran:
        for number, cell in enumerate(cells, 1):
            cell.update(execution_count=number, id=f"id{number}", outputs=[{"text": str(number)}])
        cells.append({"cell_type": "code", "source": "", "metadata": {}, "outputs": []})
    return json.dumps({"cells": cells, "metadata": {"kernelspec": {"name": "x"}} if ran else {}})


# What the version before wrote for notebook("version 1").
OLD_HASH = "b0ed19f67b139d6aec63a0477534485837c9d1f32ef04a57e9754ad4c0abe68f"


@pytest.fixture
def course(tmp_path):
    """A course with one exercise, synced once."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "exercises").mkdir()
    publish(tmp_path, notebook("version 1"))
    assert sync(tmp_path) == [f"work/{NAME} is new."]
    return tmp_path


def sync(root):
    return [str(outcome) for outcome in workspace.sync(root)]


def reset(number, root):
    return [str(outcome) for outcome in workspace.reset(number, root)]


def failed(outcomes):
    return [outcome.failed for outcome in outcomes]


def publish(root, text, name=NAME):
    (root / "exercises" / name).write_text(text)


def write(root, text, name=NAME):
    (root / "work" / name).write_text(text)


def read(root, name=NAME):
    return (root / "work" / name).read_text()


def files(root):
    """List what lies in work/, leftovers included."""
    return sorted(path.name for path in (root / "work").iterdir() if not path.name.startswith(".versions"))


def texts(root):
    """Return the content of every notebook in work/ that a learner sees."""
    return [read(root, name) for name in files(root) if not name.startswith(".")]


def test_a_second_sync_has_nothing_to_say(course):
    assert sync(course) == []
    assert files(course) == [NAME]
    assert read(course) == notebook("version 1")


def test_a_new_exercise_is_added_beside_the_others(course):
    publish(course, notebook("next"), "04_maps_exercise.ipynb")
    assert sync(course) == ["work/04_maps_exercise.ipynb is new."]


def test_an_unedited_copy_follows_the_course(course):
    publish(course, notebook("version 2"))
    assert sync(course) == [f"work/{NAME} was unedited and is now the new version."]
    assert read(course) == notebook("version 2")
    assert files(course) == [NAME]


def test_a_copy_that_was_run_and_not_edited_follows_too_and_its_outputs_are_kept(course):
    write(course, notebook("version 1", ran=True))
    publish(course, notebook("version 2"))
    kept = f"03_gates_exercise.kept-{date.today().isoformat()}.ipynb"
    said = f"work/{NAME} was unedited and is now the new version."
    said = f"{said} What was in it, outputs included, is in work/{kept}."
    assert sync(course) == [said]
    assert read(course) == notebook("version 2")
    assert read(course, kept) == notebook("version 1", ran=True)
    assert files(course) == [NAME, kept]


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


ODD = {
    "no JSON": "not a notebook",
    "empty": "",
    "a number": "5",
    "a list": "[]",
    "no list of cells": '{"cells": 3}',
    "a cell that is none": '{"cells":[null]}',
    "a source that is a number": '{"cells":[{"source":5}]}',
    "a source of numbers": '{"cells":[{"source":[5]}]}',
    "brackets without end": "[" * 100_000,
    "deep nesting": '{"cells":' + "[" * 50_000 + "]" * 50_000 + "}",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_copy_gets_one_sentence_and_the_others_go_on(course, odd):
    write(course, odd)
    publish(course, notebook("version 2"))
    publish(course, notebook("next"), "04_maps_exercise.ipynb")
    said = f"work/{NAME} cannot be read as a notebook and stays as it is; reset 03 gives a fresh copy and keeps this"
    assert sync(course) == [f"{said} one.", "work/04_maps_exercise.ipynb is new."]
    assert read(course) == odd
    assert reset(3, course)[0].startswith(f"work/{NAME} is a fresh copy; yours is now work/")
    assert odd in texts(course)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_notebook_of_the_course_is_told_as_the_courses_and_the_others_go_on(course, odd):
    publish(course, odd)
    publish(course, notebook("next"), "04_maps_exercise.ipynb")
    outcomes = workspace.sync(course)
    assert (
        str(outcomes[0])
        == f"exercises/{NAME} of the course is damaged: get the course again. work/{NAME} stays as it is."
    )
    assert str(outcomes[1]) == "work/04_maps_exercise.ipynb is new."
    assert failed(outcomes) == [True, False]
    assert failed(workspace.reset(3, course)) == [True]
    assert read(course) == notebook("version 1")


@pytest.mark.parametrize("place", ["work", "exercises"])
def test_a_folder_with_the_name_of_a_notebook_stops_no_other(course, place):
    (course / place / NAME).unlink()
    (course / place / NAME).mkdir()
    publish(course, notebook("next"), "04_maps_exercise.ipynb")
    outcomes = workspace.sync(course)
    assert failed(outcomes) == [True, False]
    assert f"work/{NAME}" in str(outcomes[0])


@pytest.mark.parametrize(
    "note",
    [None, "[1, 2]", "5", "{torn", f'{{"{NAME}": 5}}', f'{{"{NAME}": {{"from_version": []}}}}', "[" * 50_000],
)
def test_without_its_note_sync_overwrites_nothing(course, note):
    write(course, notebook("mine"))
    (course / "work" / ".versions.json").unlink()
    if note:
        (course / "work" / ".versions.json").write_text(note)
    publish(course, notebook("version 2"))
    assert "stays as it is" in sync(course)[0]
    assert read(course) == notebook("mine")


CHANGES = ("rename", "replace", "link", "unlink")


class _Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def interrupt(monkeypatch, step, when, error):
    """Let the change number ``step`` to any file fail, before or after it is done; return what was counted."""
    counted = []

    def wrap(change):
        def changed(*paths, **options):
            counted.append(paths)
            if len(counted) == step and when == "before":
                raise error
            result = change(*paths, **options)
            if len(counted) == step and when == "after":
                raise error
            return result

        return changed

    for name in CHANGES:
        monkeypatch.setattr(os, name, wrap(getattr(os, name)))
    return counted


@pytest.mark.parametrize("action", ["sync", "reset"])
@pytest.mark.parametrize("mine", ["version 1", "ran", "mine"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_moment_nothing_is_lost_and_the_next_sync_finishes(course, mine, when, action):
    theirs = notebook("version 1", ran=True) if mine == "ran" else notebook(mine)
    for step in range(1, 20):
        for path in (course / "work").iterdir():
            path.unlink()
        publish(course, notebook("version 1"))
        sync(course)
        write(course, theirs)
        publish(course, notebook("version 2"))
        with pytest.MonkeyPatch.context() as patched:
            counted = interrupt(patched, step, when, _Killed())
            with contextlib.suppress(_Killed):
                workspace.sync(course) if action == "sync" else workspace.reset(3, course)
            done = len(counted) < step
        assert theirs in [path.read_text() for path in (course / "work").iterdir()] or mine == "version 1"
        sync(course)
        assert sync(course) == []
        assert not [name for name in files(course) if name.startswith(".")]
        assert mine == "version 1" or texts(course).count(theirs) == 1
        assert read(course) in (notebook("version 2"), theirs)
        if done:
            break
    assert done
    assert step > 3


@pytest.mark.parametrize("action", ["sync", "reset"])
@pytest.mark.parametrize("mine", ["version 1", "ran", "mine"])
def test_whatever_fails_in_the_middle_the_sentence_is_true(course, mine, action):
    theirs = notebook("version 1", ran=True) if mine == "ran" else notebook(mine)
    for step in range(1, 20):
        for path in (course / "work").iterdir():
            path.unlink()
        publish(course, notebook("version 1"))
        sync(course)
        write(course, theirs)
        publish(course, notebook("version 2"))
        with pytest.MonkeyPatch.context() as patched:
            counted = interrupt(patched, step, "before", OSError(28, "No space left on device"))
            outcomes = workspace.sync(course) if action == "sync" else workspace.reset(3, course)
            done = len(counted) < step
        (said,) = map(str, outcomes)
        now = read(course) if (course / "work" / NAME).exists() else None
        if "is as it was" in said or "stays as it is" in said:
            assert now == theirs
        if "is now the new version" in said or "is a fresh copy" in said:
            assert now == notebook("version 2")
        for name in re.findall(r"work/(\S+?)[.,;]? ", f"{said} "):
            assert (course / "work" / name).exists(), said
        assert ("No space left on device" in said) <= outcomes[0].failed
        assert theirs in [path.read_text() for path in (course / "work").iterdir()] or mine == "version 1"
        sync(course)
        assert mine == "version 1" or texts(course).count(theirs) == 1
        if done:
            break
    assert done
    assert step > 3


@pytest.mark.parametrize("action", ["sync", "reset"])
def test_whatever_fails_while_a_copy_is_added_the_sentence_is_true(course, action):
    for step in range(1, 20):
        for path in (course / "work").iterdir():
            path.unlink()
        with pytest.MonkeyPatch.context() as patched:
            counted = interrupt(patched, step, "before", OSError(28, "No space left on device"))
            (outcome,) = workspace.sync(course) if action == "sync" else workspace.reset(3, course)
        there = (course / "work" / NAME).exists()
        assert there == ("is new." in str(outcome) or "is a fresh copy." in str(outcome)), outcome
        assert there or "could not be written (No space left on device)" in str(outcome)
        if len(counted) < step:
            break
    assert step > 3


def test_a_full_disk_changes_nothing_and_says_so(course, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    publish(course, notebook("version 2"))
    monkeypatch.setattr(os, "fsync", full)
    outcomes = workspace.sync(course)
    assert list(map(str, outcomes)) == [
        f"work/{NAME} is as it was: writing failed (No space left on device)."
    ]
    assert failed(outcomes) == [True]
    assert read(course) == notebook("version 1")
    assert files(course) == [NAME]
    publish(course, notebook("next"), "04_maps_exercise.ipynb")
    said = "work/04_maps_exercise.ipynb could not be written (No space left on device)."
    assert str(workspace.sync(course)[1]) == said


def save_at(monkeypatch, change, number, path, text, how):
    """Let somebody save ``text`` to ``path`` just before the given change number ``number`` is made."""
    real, calls = getattr(os, change), []

    def changed(*paths, **options):
        calls.append(paths)
        if len(calls) == number:
            if how == "in place":
                path.write_text(text)
            else:  # as most editors save
                other = path.with_name("other")
                other.write_text(text)
                os_replace(other, path)
        return real(*paths, **options)

    os_replace = os.replace
    monkeypatch.setattr(os, change, changed)
    return calls


@pytest.mark.parametrize("how", ["in place", "by a new file"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("action", ["sync", "reset"])
def test_a_save_that_lands_inside_a_sync_or_reset_is_not_overwritten(course, action, change, how):
    number, saved = 0, notebook("saved in the middle")
    while True:
        number += 1
        for path in (course / "work").iterdir():
            path.unlink()
        publish(course, notebook("version 1"))
        sync(course)
        write(course, notebook("version 1", ran=True))
        publish(course, notebook("version 2"))
        with pytest.MonkeyPatch.context() as patched:
            calls = save_at(patched, change, number, course / "work" / NAME, saved, how)
            said = sync(course) if action == "sync" else reset(3, course)
            if len(calls) < number:
                break
        assert saved in texts(course), said
        for name in re.findall(r"work/(\S+?)[.,;]? ", f"{said[0]} "):
            assert (course / "work" / name).exists(), said
    assert number > 1


@pytest.mark.parametrize("action", ["sync", "reset"])
def test_a_copy_that_a_killed_reset_had_moved_aside_comes_back_and_that_is_told(course, action):
    write(course, notebook("mine"))
    (course / "work" / NAME).rename(course / "work" / f".{NAME}.0123456789abcdef.aside")
    publish(course, notebook("version 2"))
    said, then = sync(course) if action == "sync" else reset(3, course)
    assert said == f"An interrupted reset or sync had moved work/{NAME} aside; it is back."
    assert ("stays as it is" if action == "sync" else "is a fresh copy; yours is now") in then
    assert notebook("mine") in texts(course)
    assert sync(course) == []


def test_what_killed_syncs_of_this_and_older_versions_left_is_cleared(course):
    for name in (f".{NAME}.999999999.tmp", f".{NAME}.999999999-0123456789abcdef.tmp"):
        write(course, "half of a note", name)
    write(course, "in the making", f".{NAME}.{os.getpid()}-0123456789abcdef.tmp")
    assert sync(course) == []
    assert files(course) == [f".{NAME}.{os.getpid()}-0123456789abcdef.tmp", NAME]


def test_two_syncs_wait_for_each_other(course):
    publish(course, notebook("version 2"))
    code = "import sys; from pathlib import Path; from cbam_course.workspace import sync; sync(Path(sys.argv[1]))"
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(course)], stderr=subprocess.PIPE) for _ in range(4)
    ]
    assert [run.communicate()[1] for run in runs] == [b""] * 4
    assert files(course) == [NAME]
    assert read(course) == notebook("version 2")


def test_the_work_of_the_version_before_this_one_is_taken_over(course):
    """The note holds the same hashes: written by that version for this notebook, run and saved."""
    note = {NAME: {"from_version": OLD_HASH, "offered": "0" * 64}}
    write(course, json.dumps(note), ".versions.json")
    publish(course, notebook("version 2"))
    assert sync(course) == [f"work/{NAME} was unedited and is now the new version."]


def test_reset_keeps_the_old_copy_under_a_dated_name(course):
    write(course, notebook("mine"))
    kept = f"03_gates_exercise.kept-{date.today().isoformat()}"
    assert reset("3", course) == [f"work/{NAME} is a fresh copy; yours is now work/{kept}.ipynb."]
    write(course, notebook("mine again"))
    reset("03", course)
    assert read(course) == notebook("version 1")
    assert read(course, f"{kept}.ipynb") == notebook("mine")
    assert read(course, f"{kept}-2.ipynb") == notebook("mine again")


@pytest.mark.parametrize("number", ["7", "", " ", "03_gates", None, True, -3])
def test_reset_refuses_a_number_that_is_not_there_and_touches_nothing(course, number):
    publish(course, notebook("mine"), "00_start_exercise.ipynb")
    write(course, notebook("mine"))
    with pytest.raises(ValueError, match=f"number is {number!r}; give the number of an exercise: 00, 03"):
        reset(number, course)
    assert files(course) == [NAME]
    assert read(course) == notebook("mine")


def test_the_course_is_found_from_inside_and_not_from_outside(course, tmp_path_factory, monkeypatch):
    assert find_course(course / "work") == course
    monkeypatch.chdir(course / "exercises")
    assert find_course() == course
    with pytest.raises(FileNotFoundError, match="is not inside the course; go to the folder"):
        find_course(tmp_path_factory.mktemp("elsewhere"))
