"""The verdicts on the bank of answers: right ones pass, wrong ones are told their mistake."""

import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import torch
from answer_mutants import Tally, answer_mutants, mutated_tasks, still_right, tally_answers
from judge_bank import FOLDER, judge, load, load_bank
from mutants import MODULES, tally

import cbam_course
from cbam_course.checks.runner import examine
from cbam_course.checks.tasks import all_tasks, find_task, texts

TASKS = all_tasks()
PACKAGE = Path(cbam_course.__file__).parent


@cache
def verdict(task):
    return judge(task, load_bank(FOLDER, task))


def own_texts(task):
    """What a task's TOML file words itself."""
    path = PACKAGE / "lessons" / f"lesson_{TASKS[task].lesson}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))["tasks"][task]


def test_every_task_has_a_bank_of_answers():
    for task in TASKS:
        bank = load_bank(FOLDER, task)
        assert bank is not None, task
        assert len(bank.right) >= (4 if task in MODULES else 3), task
        assert sum(map(len, bank.wrong.values())) >= 6, task


@pytest.mark.parametrize("lesson", sorted({task.lesson for task in TASKS.values()}))
def test_right_answers_pass_and_wrong_answers_are_told_their_mistake(lesson):
    tasks = [task for task in TASKS if TASKS[task].lesson == lesson]
    assert not [f"{task}: {text}" for task in tasks for text in verdict(task).complaints]


def test_every_property_of_a_task_fails_for_some_wrong_answer():
    """A property that holds whatever is handed in tests nothing."""
    of_modules = set().union(*(failing(task) for task in MODULES))
    for task, entry in TASKS.items():
        here = failing(task) | (of_modules if task in MODULES else set())
        assert set(entry.properties) - set(entry.optional) <= here, task


def failing(task):
    return {f.slug for report in verdict(task).failures for f in report.findings if f.holds is False}


def test_every_mistake_that_a_task_words_is_told_to_some_wrong_answer():
    for task in TASKS:
        told = {report.mistake for report in verdict(task).failures}
        assert set(own_texts(task).get("mistakes", {})) <= told, task


def test_right_answers_pass_while_other_processes_compute():
    with load(2):
        for task in TASKS:
            report = examine(TASKS[task], load_bank(FOLDER, task).right[0])
            assert report.passed, report


def test_the_verdict_does_not_depend_on_the_random_seed():
    for task in MODULES:
        for seed in (1, 2):
            for answer in load_bank(FOLDER, task).right[:4]:
                torch.manual_seed(seed)
                assert examine(find_task(task), answer).passed, task


@pytest.mark.parametrize("task", MODULES)
def test_mutants_of_the_packages_own_modules_are_noticed(task):
    result = tally(task, every=5 if task == "cbam" else 2)  # tools/judge_bank.py --mutants takes them all
    assert result.rejected
    assert result.share >= 0.95, result.escaped


@pytest.mark.parametrize("task", mutated_tasks(), ids=lambda task: task.task_id)
def test_mutants_of_right_answers_are_noticed(task):
    result = tally_answers(
        task, every=30 if task.task_id != "inside-the-box" else 300
    )  # tools/judge_bank.py --mutants takes them all
    assert result.made
    assert not result.escaped


def test_a_mutant_that_passes_has_escaped_unless_it_is_listed_with_a_reason():
    task, result = find_task("squeeze"), Tally("squeeze")
    passed = examine(task, load_bank(FOLDER, "squeeze").right[0])
    result.add("another line", passed)
    assert result.escaped == ["another line"]
    listed = Tally("which-and-where")
    for change in still_right("which-and-where"):
        listed.add(change, passed)
    assert listed.right
    assert not listed.escaped


def test_what_is_listed_as_right_is_a_mutant_of_its_task():
    listed = [task for task in mutated_tasks() if still_right(task.task_id)]
    assert len(listed) > 10
    for task in listed[:3]:  # tools/judge_bank.py --mutants looks at all of them
        assert set(still_right(task.task_id)) <= {change for change, _ in answer_mutants(task)}, task


def files_touched(task):
    """The files of the package that run while a right answer is examined, a second time: nothing is loaded."""
    answer, seen = load_bank(FOLDER, task).right[0], set()
    examine(TASKS[task], answer)
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, argument: seen.add(frame.f_code.co_filename))
    try:
        examine(TASKS[task], answer)
    finally:
        sys.setprofile(before)
    return {Path(name).relative_to(PACKAGE).as_posix() for name in seen if Path(name).is_relative_to(PACKAGE)}


def test_a_passing_check_runs_through_at_most_a_dozen_files():
    machinery = ("checks/", "lessons/")
    touched = {task: files_touched(task) for task in TASKS}
    of_checks = {task: [f for f in files if f.startswith(machinery)] for task, files in touched.items()}
    assert not {task: files for task, files in of_checks.items() if len(files) > 10}
    # Recording the outcome adds progress.py and storage.py. What a task builds from the package is its subject.
    assert {task for task, files in touched.items() if len(files) > 10} == BUILD_NETWORKS


# Their examiners draw scenes, run networks of the package, or insert attention into one.
BUILD_NETWORKS = {
    "se-in-a-network",
    "mystery-gates",
    "find-the-red",
    "se-beside-plain",
    "who-does-the-work",
    "read-the-patch",
    "judge-the-figure",
    "which-map-matters",
    "same-or-other",
    "cheapest-network",
}


def test_every_task_has_three_hints_of_its_own():
    for task, entry in TASKS.items():
        others = [hint for other in TASKS.values() if other.task_id != task for hint in other.hints]
        assert len(set(entry.hints)) == 3, task
        assert all(hint.strip() for hint in entry.hints), task
        assert not set(entry.hints) & set(others), task


def test_every_task_has_an_examiner_with_a_docstring_and_complete_texts():
    for task, entry in TASKS.items():
        assert entry.examiner.__doc__, task
        assert entry.kind in ("class", "function", "value"), task
        assert all(words.get("says") for words in entry.properties.values()), task


def test_a_shared_mistake_has_one_text_everywhere():
    for task, entry in TASKS.items():
        for slug, text in texts()["mistakes"].items():
            assert entry.mistakes[slug] == text, f"{task} words {slug} anew"


def test_none_is_not_attempted():
    for task in TASKS:
        assert examine(find_task(task), None).status == "not attempted", task


def stub_for(task):
    if TASKS[task].kind == "class":

        class Stub(torch.nn.Module):
            def __init__(self, *arguments):
                super().__init__()
                raise NotImplementedError

            def forward(self, x):
                raise NotImplementedError

        return Stub

    def stub(*arguments):
        raise NotImplementedError

    return stub


def test_stubs_are_not_attempted():
    for task, entry in TASKS.items():
        if entry.kind != "value":
            assert examine(entry, stub_for(task)).status == "not attempted", task


def test_a_pair_of_a_stub_and_nothing_is_not_attempted_and_half_a_pair_is_named():
    entry, written = find_task("same-or-other"), torch.nn.Identity()
    assert examine(entry, (stub_for("fool-se"), None)).status == "not attempted"
    for answer, number in (((stub_for("fool-se"), written), 1), ((lambda colours, same: colours, None), 2)):
        report = examine(entry, answer)
        assert (report.status, report.mistake) == ("failed", "part-missing")
        assert f"part {number} of the answer" in str(report)


def test_a_class_with_one_stub_left_names_the_method():
    class Half(torch.nn.Module):
        def __init__(self, *arguments):
            super().__init__()

        def forward(self, x):
            raise NotImplementedError

    report = examine(find_task("cbam"), Half)
    assert report.status == "failed"
    assert "forward" in report.message


def test_a_missing_return_has_one_name_in_every_task():
    for task, entry in TASKS.items():
        answer = silent_class() if entry.kind == "class" else silent_function
        if entry.kind != "value":
            assert examine(entry, answer).mistake == "missing-return", task


def silent_function(*arguments):
    return None


def silent_class():
    class Silent(torch.nn.Module):
        def __init__(self, *arguments):
            super().__init__()

        def forward(self, x):
            x * 2

    return Silent


def test_an_answer_that_fails_has_a_failing_line_and_its_two_sides_never_read_the_same():
    for task in TASKS:
        for report in verdict(task).failures:
            failed = [finding for finding in report.findings if finding.holds is False]
            assert failed, task
            assert not [f for f in failed if f.got and f.got == f.expected], task
